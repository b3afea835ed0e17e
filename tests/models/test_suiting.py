"""Which quantization is taken of a model, over many machines."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from localqwq.hardware.machine import Machine
from localqwq.models.choosing import ChooseForHere
from localqwq.models.outlook import Outlook
from localqwq.models.prospects import prospects
from localqwq.models.suiting import LEAST_CONTEXT, suiting_here
from localqwq.packs.catalogue import find
from localqwq.planning.memory import GIB
from localqwq.planning.plan import Plan
from tests.machines import gpu, machine

SIZES = [16 + step / 5 for step in range(51)]
"""GiB that are free at rest."""


def processor(size: float) -> Machine:
    """A machine without a device that has so much memory for models."""
    total = round(size * GIB * 8 / 7)
    return replace(machine(total), ram_available=round(size * GIB))


def card(size: float) -> Machine:
    """One with a device of so much memory."""
    return machine(64 * GIB, gpu(round(size * GIB)))


def chosen(there: Machine) -> Plan:
    """The plan at rest of the quantization that is taken of QwQ."""
    entry = find("qwq-32b")
    assert entry is not None
    found = suiting_here(list(prospects(entry)), Outlook(there))
    assert found is not None
    return found


@pytest.mark.parametrize("of", [processor, card])
def test_more_memory_never_means_a_smaller_quantization(of: Callable[[float], Machine]) -> None:
    """Nor less context than a thought needs, where a smaller one leaves that."""
    sizes = [chosen(of(size)) for size in SIZES]
    assert [one.facts.bytes for one in sizes] == sorted(one.facts.bytes for one in sizes)
    assert all(one.context >= LEAST_CONTEXT for one in sizes)


@pytest.mark.parametrize("of", [processor, card])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_what_is_taken_at_this_moment_does_not_count(
    of: Callable[[float], Machine], part: float
) -> None:
    """A browser that is open now is closed tomorrow."""
    for size in (18.0, 20.0, 24.0):
        there = of(size)
        busy = replace(
            there,
            ram_available=round(there.ram_available * part),
            devices=tuple(replace(one, free=round(one.free * part)) for one in there.devices),
        )
        assert chosen(busy).facts.quant == chosen(there).facts.quant


def test_where_no_quantization_leaves_enough() -> None:
    """The smallest is taken."""
    smallest = chosen(processor(14.0))
    entry = find("qwq-32b")
    assert entry is not None
    assert smallest.facts.bytes == min(facts.bytes for facts in prospects(entry))


def test_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a larger one would leave too little context, or that memory is short just now."""
    entry = find("qwq-32b")
    assert entry is not None

    def why(there: Machine) -> str:
        monkeypatch.setattr("localqwq.models.choosing.look", lambda: Outlook(there))
        return ChooseForHere().of_entry(entry).why

    assert "A larger one would leave less than 8,192 tokens" in why(processor(17.0))
    assert "At the moment" in why(replace(processor(22.0), ram_available=4 * GIB))
    assert "A larger one" not in why(card(48.0))
