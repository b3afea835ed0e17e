"""Flash attention where it is faster or needed, in batches that suit it."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.planning.attention import batch_size, uses_flash
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
    """A measurement counts on the processor alone; a person's word everywhere."""
    assert uses_flash("f16", 0, on_processor=True)
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
