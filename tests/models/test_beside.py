"""Which models may be in memory together, by the planner's own numbers."""

from bisect import bisect_left
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.models.beside import Held, beside, is_as_good, leaving
from localqwq.models.outlook import Outlook, without_held
from localqwq.planning.memory import GIB, MIB
from localqwq.planning.plan import Plan, plan
from tests.machines import gpu, machine, small

SMALL = replace(small(4), path=Path("small.gguf"))
LARGE = replace(small(12), path=Path("large.gguf"))


def held(found: Plan) -> Held:
    """A model that was loaded so, none of whose weights are its own."""
    return Held(found, found.host.kv_cache + found.host.compute)


def planned(outlook: Outlook) -> Plan:
    """The large model."""
    return plan(LARGE, outlook.machine)


def test_what_is_mapped_counts() -> None:
    """The system calls it available, and the next plan must not use it."""
    free = machine(60 * GIB)
    found = plan(SMALL, free)
    with_it = beside(free, held(found))
    assert free.ram_available - with_it.ram_available == found.host.weights
    assert beside(free, Held(found, found.host.used + GIB)) == free


def test_where_there_is_room_nobody_leaves() -> None:
    """On the processor and on a device."""
    for here in (machine(60 * GIB), machine(60 * GIB, gpu(60 * GIB))):
        others = [("one", held(plan(SMALL, here))), ("two", held(plan(SMALL, here)))]
        out, _, found = leaving(Outlook(here), planned, [], others)
        assert out == []
        assert found.fits


def of_64(available: int) -> Machine:
    """A machine of 64 GiB, of which so many bytes are available."""
    return replace(machine(60 * GIB), ram_total=64 * GIB, ram_available=available)


def least() -> int:
    """The bytes that have to be available for the large model to have all that it can."""
    best = plan(LARGE, of_64(60 * GIB))

    def is_enough(mebibytes: int) -> bool:
        return is_as_good(plan(LARGE, of_64(mebibytes * MIB)), best)

    return bisect_left(range(60 * 1024), True, key=is_enough) * MIB


def test_the_one_that_was_used_longest_ago_leaves() -> None:
    """No more of them than have to."""
    one = held(plan(SMALL, of_64(60 * GIB)))
    # Just enough without one of the two: what is mapped of the other counts as available as well.
    here = of_64(least() + one.plan.host.weights - one.resident + MIB)
    out, seen, found = leaving(Outlook(here), planned, [], [("old", one), ("new", one)])
    assert out == ["old"]
    assert is_as_good(found, plan(LARGE, of_64(60 * GIB)))
    assert plan(LARGE, seen.machine) == found
    less = replace(here, ram_available=here.ram_available - 2 * MIB)
    assert leaving(Outlook(less), planned, [], [("old", one), ("new", one)])[0] == ["old", "new"]


def test_who_cannot_leave_is_counted() -> None:
    """A model that is used takes its room from the plan, whatever else leaves."""
    one = held(plan(SMALL, of_64(60 * GIB)))
    here = of_64(least() + MIB)
    _, _, alone = leaving(Outlook(here), planned, [], [("idle", one)])
    _, _, crowded = leaving(Outlook(here), planned, [one], [])
    assert is_as_good(alone, crowded)
    assert not is_as_good(crowded, alone)


def test_a_device_is_given_back() -> None:
    """What a model holds there is free for the next one, and nothing else is counted twice."""
    full = machine(60 * GIB, gpu(6 * GIB))
    first = plan(LARGE, full)
    assert first.gpu_layers
    used = machine(60 * GIB, replace(full.devices[0], free=6 * GIB - first.devices[0].used))
    out, _, found = leaving(Outlook(used), planned, [], [("first", held(first))])
    assert out == ["first"]
    assert found.gpu_layers == first.gpu_layers


sizes = st.integers(1, 24).map(lambda layers: small(layers))


@given(st.integers(2, 40), st.lists(sizes, max_size=4), st.integers(0, 3))
def test_no_more_leave_than_have_to(ram: int, others: list[ModelFacts], staying: int) -> None:
    """The plan is as good as without all idle ones, and with the last that left it is not."""
    here = of_64(ram * GIB)
    models = [held(plan(one, of_64(60 * GIB))) for one in others]
    stay, idle = models[:staying], [*enumerate(models[staying:])]
    out, _, found = leaving(Outlook(here), planned, stay, idle)
    assert out == [number for number, _ in idle[: len(out)]]

    def without(count: int) -> Plan:
        seen = here
        for one in models[staying:][:count]:
            seen = without_held(seen, one.plan, one.resident)
        for one in [*stay, *models[staying:][count:]]:
            seen = beside(seen, one)
        return plan(LARGE, seen)

    best = without(len(idle))
    assert found == without(len(out))
    assert found == best or is_as_good(found, best)
    assert not out or not is_as_good(without(len(out) - 1), best)
