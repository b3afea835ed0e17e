"""Which layer goes where: llama.cpp's arithmetic, and splits that come out as they were meant."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.hardware.machine import Device
from localqwq.planning.compute import Role, compute_bytes
from localqwq.planning.memory import GIB, MIB, ContextSettings
from localqwq.planning.placement import HOST, Load, Place, assign, gpus
from localqwq.planning.placer import Placer
from tests.machines import gpu, machine, small

SETTINGS = ContextSettings(8192)


def test_assignment_follows_the_split() -> None:
    """Two equal cards share the last layers evenly, a card three times larger gets three parts."""
    assert assign(9, 8, [GIB, GIB]) == [None] + [0] * 4 + [1] * 4
    assert assign(31, 20, [3 * GIB, GIB]) == [None] * 11 + [0] * 15 + [1] * 5
    assert assign(4, 4, [0, GIB]) == [1] * 4
    assert assign(4, 4, [0, 0]) == [None] * 4
    assert assign(4, 2, []) == [None] * 4


def test_single_precision_decides() -> None:
    """With double precision, the first of these cards would get 3 layers."""
    first, second = 6_464_222_268, 34_475_852_096
    assert assign(19, 19, [first, second]).count(0) == 4
    assert sum(layer / 19 < first / (first + second) for layer in range(19)) == 3


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(0, 40))
def test_whole_numbers_split_exactly(counts: list[int], behind: int) -> None:
    """A split in layers gives each device just so many, empty ones included."""
    total, offloaded = sum(counts) + behind, sum(counts)
    owners = assign(total, offloaded, counts)
    assert owners.count(None) == (behind if offloaded else total)
    if offloaded:
        assert [owners.count(index) for index in range(len(counts))] == counts
        placed = [owner for owner in owners if owner is not None]
        assert placed == sorted(placed)


def test_integrated_gpu_is_ignored_beside_a_card() -> None:
    """llama.cpp does so, a processor is no GPU, and other machines' GPUs come first."""
    integrated, processor = gpu(99 * GIB, "Vulkan1", "IGPU"), gpu(99 * GIB, "CPU", "CPU")
    cards = gpu(40 * GIB), gpu(8 * GIB, "RPC0")
    names = [device.name for device in gpus(machine(GIB, processor, integrated, *cards))]
    assert names == ["RPC0", "CUDA0"]
    assert [device.name for device in gpus(machine(GIB, processor, integrated))] == ["Vulkan1"]


def loads(*counts: int, tied: bool = False) -> Iterator[Load]:
    """Those of two cards and of the host, for eight layers and the output."""
    devices = gpu(40 * GIB), gpu(40 * GIB, "CUDA1")
    found = Placer(small(8, tied=tied), machine(64 * GIB, *devices), SETTINGS).loads(counts)
    yield from found.devices
    yield found.host


def test_who_holds_what() -> None:
    """Layers with their cache; the output on the last card, the token embedding on the host."""
    facts = small(8)
    first, second, host = loads(3, 4)
    assert (first.layers, second.layers, host.layers) == (3, 4, 2)
    assert first.weights == 3 * facts.layer_bytes[0]
    assert second.weights == 3 * facts.layer_bytes[0] + facts.output_bytes
    assert host.weights == 2 * facts.layer_bytes[0] + facts.input_bytes
    layer = facts.kv_bytes_per_token() // 8 * 8192
    assert (first.kv_cache, second.kv_cache, host.kv_cache) == (3 * layer, 3 * layer, 2 * layer)


def test_a_tied_embedding_is_copied_to_the_output() -> None:
    """The card with the output holds one too, the host still its own; alone it needs only one."""
    facts = small(8)
    first, _, host = loads(9, 0, tied=True)
    assert first.weights == facts.weight_bytes
    assert host.weights == facts.input_bytes
    *_, host = loads(0, 0, tied=True)
    assert host.weights == facts.weight_bytes


def buffers(*counts: int, devices: Sequence[Device], others: Sequence[Device] = ()) -> list[int]:
    """The compute buffers of devices with so many of nine layers, and last the host's."""
    facts, here = small(8), machine(64 * GIB, *devices, *others)
    placer = Placer(facts, here, SETTINGS)
    found = placer.loads(counts)
    host = Placer(facts, here, SETTINGS, residuals={found.host.place: -GIB}).loads(counts).host
    return [*(load.compute for load in found.devices), found.host.compute - host.compute]


def closed_forms(*roles: Role | None) -> list[int]:
    """Those of places in these roles; ``None``: it computes nothing."""
    facts = small(8)
    return [
        compute_bytes(facts, replace(SETTINGS, flash=role != Role.ALONE), role) if role else 0
        for role in roles
    ]


def test_compute_buffers_by_role() -> None:
    """Who has all layers, who works in a pipeline, and who helps the host."""
    cards = [gpu(40 * GIB, f"CUDA{index}") for index in range(3)]
    assert buffers(9, 0, 0, devices=cards) == closed_forms(Role.START, None, None, Role.INPUTS)
    piped = closed_forms(Role.PIPE_START, Role.PIPE_MIDDLE, Role.PIPE_MIDDLE, Role.PIPE_INPUTS)
    assert buffers(4, 3, 2, devices=cards) == piped
    assert buffers(0, 4, 5, devices=cards) == [0, *piped[:2], piped[3]]
    some = closed_forms(Role.HELPER, Role.MIDDLE, Role.MIDDLE, Role.HELPED)
    assert buffers(3, 3, 2, devices=cards) == some
    assert buffers(0, 3, 2, devices=cards) == [0, *some[:2], some[3]]
    assert buffers(0, 0, 0, devices=cards) == closed_forms(None, None, None, Role.ALONE)


def test_who_cannot_wait_ends_the_pipeline() -> None:
    """One such device is enough, even if it is an accelerator of the processor."""
    cards = [gpu(40 * GIB, f"CUDA{index}") for index in range(2)]
    in_turn = closed_forms(Role.START, Role.MIDDLE, Role.INPUTS)
    slow = [cards[0], replace(cards[1], pipelines=False)]
    assert buffers(5, 4, devices=slow) == in_turn
    blas = replace(gpu(0, "BLAS", "ACCEL"), pipelines=False)
    assert buffers(5, 4, devices=cards, others=[blas]) == in_turn


def test_another_machine_does_not_help_the_host() -> None:
    """Large batches go to the first device of this one."""
    mixed = [gpu(40 * GIB, "RPC0"), gpu(40 * GIB), gpu(40 * GIB, "CUDA1")]
    some = closed_forms(Role.MIDDLE, Role.HELPER, Role.MIDDLE, Role.HELPED)
    assert buffers(3, 3, 2, devices=mixed) == some
    remote = closed_forms(Role.MIDDLE, None, None, Role.PROCESSOR)
    assert buffers(3, 0, 0, devices=mixed) == remote


@pytest.mark.parametrize("count", range(10))
def test_one_card_is_preferred(count: int) -> None:
    """As long as a card has room for all of it, nothing has to go from card to card."""
    devices = gpu(6 * GIB), gpu(8 * GIB, "CUDA1")
    found = Placer(small(8), machine(64 * GIB, *devices), SETTINGS).place(count)
    assert [load.layers for load in found.devices] == [0, count]


def test_cards_are_filled_evenly() -> None:
    """What needs several is spread so that the fullest is as little full as can be."""
    devices = gpu(14 * GIB), gpu(14 * GIB, "CUDA1")
    found = Placer(small(64), machine(64 * GIB, *devices), SETTINGS).place(65)
    assert found.fits
    first, second = (load.layers for load in found.devices)
    assert abs(first - second) <= 3


def test_residuals_are_heeded() -> None:
    """What a dry load found out makes room by taking layers away, where they have to go."""
    facts, here = small(64), machine(64 * GIB, gpu(12 * GIB))
    before = Placer(facts, here, SETTINGS).most()
    more: dict[Place, int] = {("CUDA0", Role.HELPER): GIB, (HOST, Role.HELPED): MIB}
    learned = Placer(facts, here, SETTINGS, residuals=more).most()
    assert learned.fits
    assert learned.gpu_layers < before.gpu_layers
    assert learned.host.compute == before.host.compute + MIB
    [card] = learned.devices
    assert card.total <= card.free


def test_what_was_learned_of_a_pipeline_costs_no_layers() -> None:
    """It is heeded where llama.cpp pipelines, and nowhere else: one layer less ends that."""
    cards = [gpu(12.8 * GIB), gpu(12.8 * GIB, "CUDA1")]
    before = Placer(small(64), machine(64 * GIB, *cards), SETTINGS)
    assert before.most().gpu_layers == 65
    more: dict[Place, int] = {
        (name, role): 2 * GIB
        for name in ("CUDA0", "CUDA1")
        for role in (Role.PIPE_START, Role.PIPE_MIDDLE)
    }
    for learned in (replace(before, residuals=more), replace(before, margins=more)):
        assert not learned.place(65).fits
        assert learned.most() == before.place(64)
