"""The next plan down: it takes less where memory was short, in the order that people can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.planning.constraints import Constraints
from localqwq.planning.fallback import changes, plan_down
from localqwq.planning.memory import GIB
from localqwq.planning.placement import HOST, Load
from localqwq.planning.plan import Plan, plan
from tests.machines import MACHINES, gpu, machine, qwq, small

WISHES = (Constraints(), Constraints(32_768), Constraints(8192, "q8_0"), Constraints(parallel=4))


def load_of(found: Plan, name: str) -> Load:
    """What a place holds by a plan."""
    return next(load for load in (*found.devices, found.host) if load.name == name)


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("constraints", WISHES)
def test_less_each_time_until_nothing_is_left(name: str, constraints: Constraints) -> None:
    """On every machine, wherever memory was short: never more than seven eighths of before."""
    here = MACHINES[name]
    first = plan(qwq(), here, constraints=constraints)
    for place in [HOST, *(load.name for load in first.devices if load.layers)]:
        before = first
        for _ in range(60):
            found = plan_down(before, here, constraints=constraints, short=(place,))
            if found is None:
                break
            assert found.fits
            assert load_of(found, place).used <= load_of(before, place).used * 7 // 8
            assert changes(before, found) != "with less memory"
            before = found
        else:
            pytest.fail("there is always something to give up")


@given(st.floats(4, 80), st.floats(1, 48), st.integers(1, 48), st.floats(0.5, 1))
def test_memory_that_has_gone_meanwhile(ram: float, card: float, layers: int, left: float) -> None:
    """It is planned with what there is now."""
    first = plan(small(layers), machine(ram * GIB, gpu(card * GIB)))
    now = machine(ram * left * GIB, gpu(card * left * GIB))
    found = plan_down(first, now, short=("CUDA0",))
    if found is not None:
        assert found.fits
        assert found.devices[0].used <= first.devices[0].used * 7 // 8
        assert found.devices[0].total <= now.devices[0].free


def test_what_is_given_up_and_said() -> None:
    """The cache's type, then context that was not asked for, then layers."""
    here = machine(60 * GIB, gpu(40 * GIB))
    found = plan(qwq(), here)
    said = []
    for _ in range(3):
        down = plan_down(found, here, short=("CUDA0",))
        assert down is not None
        said.append(changes(found, down))
        found = down
    assert said[0] == "with the KV cache in Q8_0 instead of F16"
    assert said[1].startswith("with a context of ")
    assert said[2].endswith("layers on devices")


def test_a_context_that_was_asked_for_is_given_up_last() -> None:
    """It is kept as long as the cache's type is enough."""
    here, constraints = machine(40 * GIB), Constraints(32_768)
    first = plan(qwq(), here, constraints=constraints)
    second = plan_down(first, here, constraints=constraints)
    assert second is not None
    assert (second.context, second.kv_type) == (32_768, "q8_0")
    third = plan_down(second, here, constraints=constraints)
    assert third is not None
    assert third.context < 32_768
    assert plan_down(third, machine(2 * GIB), constraints=constraints) is None


def test_the_quantization_is_given_up_last() -> None:
    """Once nothing else is left of the larger one, and with the context that was asked for."""
    here, constraints = machine(41 * GIB), Constraints(8192)
    first = plan(qwq("Q8_0"), here, constraints=constraints)
    assert first.fits
    assert plan_down(first, here, constraints=constraints) is None
    down = plan_down(first, here, constraints=constraints, smaller=[qwq("Q6_K"), qwq()])
    assert down is not None
    assert (down.facts.quant, down.context) == ("Q6_K", 8192)
    assert changes(first, down).startswith("with the quantization Q6_K instead of Q8_0")
