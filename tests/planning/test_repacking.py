"""Weights that take more room once they are rearranged for the processor."""

from dataclasses import replace

import pytest

from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB
from localqwq.planning.plan import plan
from localqwq.planning.repacking import packing_bytes
from tests.machines import gpu, machine, qwq

AMX = replace(machine(64 * GIB), cpu_buffers=("AMX", "CPU_REPACK"))


@pytest.mark.parametrize(
    ("quant", "growth"),
    [
        ("Q8_0", 4 / 34),  # each of its blocks of 34 bytes
        ("Q6_K", 0.0),
    ],
)
def test_growth_of_all_layers(quant: str, growth: float) -> None:
    """In proportion, but for the norms and biases, which stay as they are."""
    facts = qwq(quant)
    grown = sum(packing_bytes(facts, AMX))
    assert grown == pytest.approx(growth * (facts.weight_bytes - facts.input_bytes), rel=1e-3)
    assert len(packing_bytes(facts, AMX)) == facts.layers + 1
    assert sum(packing_bytes(facts, machine(64 * GIB))) == 0


def test_only_what_is_rearranged_grows() -> None:
    """Not where memory is too short for it, nor what a card helps to compute."""
    facts = qwq("Q8_0")
    plain, packed = (plan(facts, one, context=8192) for one in (machine(64 * GIB), AMX))
    assert packed.repack
    assert packed.host.weights == plain.host.weights + sum(packing_bytes(facts, AMX))
    tight = plan(facts, replace(AMX, ram_available=44 * GIB), context=8192)
    assert tight.fits
    assert not tight.repack
    assert tight.host.weights == plain.host.weights
    for name, grows in (("CUDA0", False), ("RPC0", True)):
        some = [
            plan(
                facts,
                replace(one, devices=(gpu(12 * GIB, name),)),
                constraints=Constraints(8192, "f16", 9),
            )
            for one in (machine(64 * GIB), AMX)
        ]
        assert all(one.fits for one in some)
        assert (some[1].host.weights > some[0].host.weights) is grows
