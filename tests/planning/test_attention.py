"""Flash attention where it is faster or needed, in batches that suit it."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.hardware.machine import Device
from localqwq.planning.attention import FlashMode, batch_size, uses_flash
from localqwq.planning.compute import Role, compute_bytes
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB, MIB, ContextSettings, KvType, kv_layer_bytes
from localqwq.planning.plan import plan
from tests.machines import gpu, machine, qwq


@pytest.mark.parametrize("kv_type", get_args(KvType))
def test_the_processor_alone_does_without(kv_type: KvType) -> None:
    """Unless the cache is quantized; any layer on a device changes it."""
    assert uses_flash(kv_type, 0) is (kv_type != "f16")
    assert uses_flash(kv_type, 1)


def test_it_is_as_one_wants() -> None:
    """A measurement counts where it was made; a person's word everywhere."""
    assert uses_flash("f16", 0, on_processor=True)
    assert not uses_flash("f16", 0, on_devices=True)
    assert not uses_flash("f16", 1, on_processor=True, on_devices=False)
    assert uses_flash("f16", 0, "on")
    for layers in (0, 1):
        assert not uses_flash("f16", layers, "off", on_processor=True)


def test_a_measurement_changes_the_plan() -> None:
    """Batches and buffers are those of the attention that will be used."""
    plain, flash = (
        plan(qwq(), replace(machine(64 * GIB), cpu_flash=faster)) for faster in (False, True)
    )
    assert (plain.flash, flash.flash) == (False, True)
    assert (plain.settings.batch, flash.settings.batch) == (128, 512)
    assert plain.host.compute != flash.host.compute
    card = replace(machine(64 * GIB, gpu(24 * GIB)), cpu_flash=False)
    assert plan(qwq(), card).flash
    assert not plan(qwq(), card, constraints=Constraints(flash="off")).flash


def _card(free: float, *, flash: bool | None, name: str = "CUDA0") -> Device:
    return replace(gpu(free, name), flash=flash)


@pytest.mark.parametrize("flash", [None, True, False])
def test_a_devices_measurement_counts_where_it_has_all_layers(flash: bool | None) -> None:
    """A host's layers would have plain attention, too, and its memory takes room from layers."""
    whole = plan(qwq(), machine(64 * GIB, _card(40 * GIB, flash=flash)))
    assert whole.gpu_layers == whole.layers_total
    assert whole.kv_type == "f16"
    assert whole.flash is whole.settings.flash is (flash is not False)
    part = plan(qwq(), machine(64 * GIB, _card(12 * GIB, flash=flash)))
    assert 0 < part.gpu_layers < part.layers_total
    assert part.flash
    mode: FlashMode
    for mode, expected in (("on", True), ("off", False)):
        card = machine(64 * GIB, _card(40 * GIB, flash=flash))
        assert plan(qwq(), card, constraints=Constraints(flash=mode)).flash is expected


def test_plain_attention_costs_no_context_and_no_layers() -> None:
    """Also where a person has chosen the cache or the layers."""
    for wanted in (Constraints(kv_type="f16"), Constraints(gpu_layers=20)):
        for room in (22 * GIB, 23 * GIB, 24 * GIB):
            flash, plain = (
                plan(qwq(), machine(64 * GIB, _card(room, flash=flash)), constraints=wanted)
                for flash in (True, False)
            )
            assert plain == flash


def test_several_devices_agree_on_plain_attention() -> None:
    """One that prefers flash attention, or is not measured, has it."""
    for other, expected in ((False, False), (True, True), (None, True)):
        cards = _card(24 * GIB, flash=False), _card(24 * GIB, flash=other, name="CUDA1")
        found = plan(qwq(), machine(64 * GIB, *cards))
        assert found.gpu_layers == found.layers_total
        assert found.flash is expected


def test_plain_attention_does_not_quantize_the_cache() -> None:
    """Where its memory is what is missing, there is flash attention."""
    chosen = set()
    for quarter in range(100, 140):
        flash, plain = (
            plan(qwq(), machine(64 * GIB, _card(quarter * GIB / 4, flash=flash)))
            for flash in (True, False)
        )
        assert (plain.step, plain.kv_type) == (flash.step, flash.kv_type)
        assert plain.gpu_layers == flash.gpu_layers
        chosen.add((plain.kv_type, plain.flash))
    assert chosen == {("q8_0", True), ("f16", True), ("f16", False)}


def test_without_flash_the_cache_is_not_quantized() -> None:
    """Rather than that, the context is shorter."""
    tight = machine(23 * GIB)
    assert plan(qwq(), tight).kv_type != "f16"
    assert plan(qwq(), tight, constraints=Constraints(flash="off")).kv_type == "f16"


def test_plans_are_made_for_it() -> None:
    """The context is made by the same rule as the plan."""
    alone = plan(qwq(), machine(64 * GIB))
    assert not alone.settings.flash
    assert alone.settings.batch == 128
    assert plan(qwq(), machine(64 * GIB, gpu(24 * GIB))).settings.flash


@given(st.integers(1, 512).map(lambda number: number * 256))
def test_the_matrix_is_bounded(cells: int) -> None:
    """Up to 131,072 tokens it has no more entries for a head than with 128 by 32,768."""
    assert batch_size(flash=False, cells=cells) * cells <= 128 * 32_768
    assert 32 <= batch_size(flash=False, cells=cells) <= batch_size(flash=True, cells=cells)


def test_what_it_saves() -> None:
    """A matrix of a batch's tokens by all in the cache, for each head."""
    settings = ContextSettings(32_768, flash=False)
    scores = 4 * qwq().heads * settings.cells * settings.batch_tokens
    flash = compute_bytes(qwq(), ContextSettings(32_768), Role.ALONE)
    assert scores < compute_bytes(qwq(), settings, Role.ALONE) < scores + flash


def test_only_who_computes_attention_has_its_matrix() -> None:
    """Without flash attention: the host does not, if devices have layers and compute for it."""
    settings = ContextSettings(32_768, flash=False)
    matrix = 4 * qwq().heads * settings.cells * settings.batch_tokens
    sizes = {role: compute_bytes(qwq(), settings, role) for role in Role}
    without = {role for role, size in sizes.items() if size < matrix}
    assert without == {Role.INPUTS, Role.HELPED, Role.PIPE_INPUTS}
    assert max(sizes[role] for role in without) < 128 * MIB
    kept = 3 * kv_layer_bytes(qwq(), settings) // 2  # copies of the host's, beside the matrix
    assert sizes[Role.HELPER] > matrix + kept
