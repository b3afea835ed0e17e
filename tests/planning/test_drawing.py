"""Plans as people see them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.planning.alternatives import alternatives
from localqwq.planning.compute import Role
from localqwq.planning.drawing import (
    FREE,
    OVER,
    PARTS,
    bar,
    draw,
    draw_alternatives,
    other_speed_in_words,
    speed_in_words,
)
from localqwq.planning.memory import GIB
from localqwq.planning.placement import Load
from localqwq.planning.plan import plan
from localqwq.planning.speed import Speed
from tests.machines import MACHINES, gpu, machine, qwq

SIZE = st.integers(0, 200 * GIB)


@given(SIZE, SIZE, SIZE, SIZE, SIZE, st.integers(4, 120))
def test_a_bar_is_as_wide_as_asked(
    free: int, weights: int, kv_cache: int, compute: int, margin: int, width: int
) -> None:
    """Whatever is in it; exclamation marks say that it is more than there is."""
    load = Load("CUDA0", free, 1, weights, kv_cache, compute, margin, Role.START)
    drawn = bar(load, width)
    assert len(drawn) == width
    order = "".join(letter for _, letter in PARTS) + FREE + OVER
    assert list(drawn) == sorted(drawn, key=order.index)
    if load.total <= free:
        assert OVER not in drawn


def test_parts_are_drawn_to_scale() -> None:
    """A quarter of the width for a quarter of the memory, and what is small is still seen."""
    load = Load("CUDA0", 40 * GIB, 65, 20 * GIB, 10 * GIB, 1, 5 * GIB, Role.START)
    assert bar(load, 40) == "█" * 20 + "▓" * 10 + "▒" + "░" * 4 + "·" * 5
    over = Load("CUDA0", 20 * GIB, 65, 30 * GIB, 0, 0, 10 * GIB, Role.START)
    assert bar(over, 40) == "█" * 20 + "!" * 20


def test_a_plan_in_words() -> None:
    """Who holds what, how much of it, and what is left."""
    found = plan(qwq(), machine(60 * GIB, gpu(15.5 * GIB), gpu(7.5 * GIB, "CUDA1")), context=8192)
    lines = draw(found, 78)
    assert lines[0] == "CUDA0  46 of 65 layers: 14.2 GiB of 15.5 GiB free, 354 MiB left"
    assert lines[2] == (
        "       █ weights 12.5 GiB  ▓ KV 1.4 GiB  ▒ compute 266 MiB  ░ margin 1.0 GiB"
    )
    assert lines[6].startswith("host   token embedding and inputs: ")
    assert all(len(line) == 78 for line in lines[1::3])
    assert all(len(line) <= 60 for line in draw(found, 60) if line.startswith("  "))


@pytest.mark.parametrize("name", MACHINES)
def test_alternatives_differ_in_one_thing(name: str) -> None:
    """Another type of cache, another context or another quantization, each as it would fit."""
    found = plan(qwq(), MACHINES[name])
    offered = alternatives(found, MACHINES[name], others=[qwq("Q8_0")])
    assert len(offered) == 7 + (found.context not in (8192, 32_768))
    for one in offered:
        differs = (
            one.context != found.context,
            one.kv_type != found.kv_type,
            one.quant != found.facts.quant,
        )
        assert sum(differs) == 1
    assert len(draw_alternatives(offered)) == len(offered) + 1
    assert draw_alternatives([]) == []


def test_nothing_on_a_device_is_said() -> None:
    """A card without a layer is not passed over in silence."""
    found = plan(qwq(), machine(64 * GIB, gpu(GIB)))
    assert draw(found)[0] == "CUDA0  nothing, 1.0 GiB free"


@pytest.mark.parametrize(
    ("decode", "prefill", "words"),
    [
        (
            31.4,
            1234.5,
            "Expect about 31 tokens a second while it answers and about 1,200 tokens a second "
            "while it reads a prompt.",
        ),
        (0.456, None, "Expect about 0.46 tokens a second while it answers."),
        (9.99, None, "Expect about 10.0 tokens a second while it answers."),
        (None, 250.0, "Expect about 250 tokens a second while it reads a prompt."),
        (None, None, ""),
    ],
)
def test_the_speed_in_words(decode: float | None, prefill: float | None, words: str) -> None:
    """With as many digits as an estimate has."""
    assert speed_in_words(Speed(decode, prefill)) == words


def test_the_other_layouts_speed_in_words() -> None:
    """With the option that brings it, and what that takes."""
    other = Speed(1.2, None)
    off = replace(plan(qwq(), machine(64 * GIB)), repack=False, other_speed=other)
    words = "expect about 1.2 tokens a second while it answers."
    assert other_speed_in_words(replace(off, repack=True)) == f"With --repack off, {words}"
    reclaimed = "in memory that the system cannot reclaim"
    assert other_speed_in_words(off) == f"With --repack on, {reclaimed}, {words}"
    assert other_speed_in_words(replace(off, other_speed=None)) == ""
