"""QwQ-32B on real computers: never over a bound, and never a layer fewer than would fit."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.compute import Role, compute_bytes
from localqwq.planning.memory import (
    GIB,
    ContextSettings,
    KvType,
    bookkeeping_bytes,
    device_margin,
    host_margin,
    output_bytes,
)
from localqwq.planning.placement import is_unified
from localqwq.planning.placer import Placer
from localqwq.planning.plan import plan
from tests.machines import MACHINES, gpu, machine, qwq, small

CONTEXTS = (8_192, 32_768, 131_072)
EXPECTED = {
    ("RTX 4090, 64 GB", "Q4_K_M"): ("f16 65", "q8_0 63", "q8_0 40"),
    ("RTX 4090, 64 GB", "Q8_0"): ("q8_0 43", "q8_0 39", "q8_0 28"),
    ("2 x 12 GB, 32 GB", "Q4_K_M"): ("f16 33+32", "q8_0 30+29", "q8_0 18+18"),
    ("2 x 12 GB, 32 GB", "Q8_0"): ("q8_0 20+20", "q8_0 18+18", "-"),
    ("16 + 8 GB, 64 GB", "Q4_K_M"): ("f16 46+19", "q8_0 42+17", "q8_0 26+11"),
    ("16 + 8 GB, 64 GB", "Q8_0"): ("q8_0 28+12", "q8_0 25+11", "q8_0 18+8"),
    ("8 GB laptop, 32 GB", "Q4_K_M"): ("q8_0 19", "q8_0 17", "-"),
    ("8 GB laptop, 32 GB", "Q8_0"): ("-", "-", "-"),
    ("12 GB, 16 GB", "Q4_K_M"): ("q8_0 33", "-", "-"),
    ("12 GB, 16 GB", "Q8_0"): ("-", "-", "-"),
    ("H200, 128 GB", "Q4_K_M"): ("f16 65", "f16 65", "f16 65"),
    ("H200, 128 GB", "Q8_0"): ("f16 65", "f16 65", "f16 65"),
    ("Mac 32 GB", "Q4_K_M"): ("q8_0 65", "q8_0 58", "-"),
    ("Mac 32 GB", "Q8_0"): ("-", "-", "-"),
    ("Mac 64 GB", "Q4_K_M"): ("f16 65", "f16 65", "q8_0 65"),
    ("Mac 64 GB", "Q8_0"): ("f16 65", "f16 65", "q8_0 60"),
    ("Mac 128 GB", "Q4_K_M"): ("f16 65", "f16 65", "f16 65"),
    ("Mac 128 GB", "Q8_0"): ("f16 65", "f16 65", "f16 65"),
    ("16 GB", "Q4_K_M"): ("-", "-", "-"),
    ("16 GB", "Q8_0"): ("-", "-", "-"),
    ("32 GB", "Q4_K_M"): ("f16", "q8_0", "-"),
    ("32 GB", "Q8_0"): ("-", "-", "-"),
    ("64 GB", "Q4_K_M"): ("f16", "f16", "f16"),
    ("64 GB", "Q8_0"): ("f16", "f16", "q8_0"),
}
"""For each context: the KV cache's type and the layers of each device, or a dash: does not fit."""
NO = "-"


def counts(left: int, devices: int) -> Iterator[tuple[int, ...]]:
    """Every way to put at most so many layers on so many devices."""
    if not devices:
        yield ()
        return
    for count in range(left + 1):
        for others in counts(left - count, devices - 1):
            yield (count, *others)


def fits(
    facts: ModelFacts, machine: Machine, settings: ContextSettings, split: Sequence[int]
) -> bool:
    """Whether that fits, by sums that have nothing to do with the planner's search."""
    total, offloaded = facts.layers + 1, sum(split)
    output = facts.output_bytes + (facts.input_bytes if facts.tied_embeddings else 0)
    weights = list(accumulate((*facts.layer_bytes, output), initial=0))
    kv = settings.cells * facts.kv_bytes_per_token(settings.kv_type) // facts.layers
    compute = {role: compute_bytes(facts, settings, role) for role in Role}
    first, free = total - offloaded, machine.ram_available
    piped = offloaded == total and sum(map(bool, split)) > 1
    role: Role = Role.HELPER
    if offloaded == total:
        role = Role.PIPE_START if piped else Role.START
    for device, count in zip(machine.devices, split, strict=True):
        last = first + count
        used = weights[last] - weights[first]
        used += kv * (min(last, facts.layers) - min(first, facts.layers))
        if count:
            used += compute[role]
            role = Role.PIPE_MIDDLE if piped else Role.MIDDLE
        available = min(device.free, machine.ram_available) if is_unified(device) else device.free
        if count and used + device_margin(device.free, device.total) > available:
            return False
        free -= used if is_unified(device) else 0
        first = last
    left = total - offloaded
    used = weights[left] + facts.input_bytes + kv * min(left, facts.layers)
    used += compute[
        Role.HELPED
        if left and offloaded
        else Role.ALONE
        if left
        else Role.PIPE_INPUTS
        if piped
        else Role.INPUTS
    ]
    used += output_bytes(facts, settings) + bookkeeping_bytes(facts, settings)
    return used + host_margin(machine.ram_available, machine.ram_total) <= free


@pytest.mark.parametrize("quant", ["Q4_K_M", "Q8_0"])
@pytest.mark.parametrize("name", MACHINES)
def test_nothing_better_would_fit(name: str, quant: str) -> None:
    """Checked against every possible split, in the order in which things are given up."""
    facts, machine = qwq(quant), MACHINES[name]
    total = facts.layers + 1 if machine.devices else 0
    for context, expected in zip(CONTEXTS, EXPECTED[name, quant], strict=True):
        found = plan(facts, machine, context=context)
        shown = f"{found.kv_type} {'+'.join(map(str, found.tensor_split))}".strip()
        assert (shown if found.fits else NO) == expected
        preferred: list[tuple[KvType, int]] = [("f16", total), ("q8_0", total)]
        preferred += [("q8_0", layers) for layers in range(total - 1, -1, -1)]
        every = list(counts(total, len(machine.devices)))
        possible = (
            (kv_type, layers)
            for kv_type, layers in preferred
            for split in every
            if sum(split) == layers
            and fits(facts, machine, ContextSettings(context, kv_type), split)
        )
        best = next(possible, None)
        assert found.fits == (best is not None)
        if found.fits:
            assert (found.kv_type, found.gpu_layers) == best
            assert fits(facts, machine, found.settings, found.tensor_split)


@settings(max_examples=100)
@given(
    st.integers(2, 8),
    st.floats(2, 30),
    st.lists(st.floats(0.5, 4), min_size=1, max_size=3),
    st.sampled_from([2_048, 8_192, 32_768, 131_072]),
    st.sampled_from(["f16", "q8_0"]),
)
def test_no_split_holds_more(
    layers: int, ram: float, cards: list[float], context: int, kv_type: KvType
) -> None:
    """On machines nobody has, where small cards make pipelines and helpers matter."""
    facts, wanted = small(layers), ContextSettings(context, kv_type)
    devices = [gpu(free * GIB, f"CUDA{index}") for index, free in enumerate(cards)]
    here = machine(ram * GIB, *devices)
    found = Placer(facts, here, wanted).most()
    possible = (
        sum(split) for split in counts(layers + 1, len(cards)) if fits(facts, here, wanted, split)
    )
    best = max(possible, default=None)
    assert found.fits == (best is not None)
    assert not found.fits or found.gpu_layers == best
