"""Which attention is faster on this processor: measured by ggml itself, once for each shape."""

import os
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.codec import Malformed
from localqwq.engine.probing import attention_probe
from localqwq.engine.probing.attention_times import DEPTHS, AttentionTimes, key, with_attention
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.detection import detect
from localqwq.hardware.machine import Machine
from localqwq.models import outlook
from localqwq.models.outlook import Outlook
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB
from tests.machines import gpu, machine, qwq, small

Times = tuple[tuple[float, float], ...]
PAIR = st.tuples(st.floats(1e-9, 1.0), st.floats(1e-9, 1.0))
TIMES = st.tuples(*[PAIR] * len(DEPTHS))


def test_the_probe_computes_both_kinds() -> None:
    """Grouped heads, one token and a batch, at each depth."""
    found = attention_probe.measure(heads=4, kv_heads=2, size=64, depths=(64, 256, 768), threads=1)
    times = AttentionTimes.of(found)
    assert all(0 < seconds < 10 for kind in (times.plain, times.flash) for seconds in sum(kind, ()))


def test_it_is_measured_once_for_each_shape() -> None:
    """What is known is not measured again, and holds for no other model or machine."""
    here, facts = detect(), replace(small(2), heads=2, kv_heads=1, key_length=32)
    assert with_attention(here, facts).cpu_flash is None
    with_attention(here, facts, measure=True)
    assert len(CacheFile("attention").read()) == 1
    for faster in (True, False):
        slow, fast = [[2.0, 2.0]] * 3, [[1.0, 1.0]] * 3
        known = {"plain": slow if faster else fast, "flash": fast if faster else slow, "share": 1.0}
        CacheFile("attention").write(key(here, facts), known)
        assert with_attention(here, facts, measure=True).cpu_flash is faster
        assert with_attention(here, replace(facts, heads=4)).cpu_flash is None
        assert with_attention(replace(here, cpu_name="Another"), facts).cpu_flash is None


def test_a_disturbed_measurement_decides_until_there_is_a_better_one() -> None:
    """A machine that is always busy would otherwise never have flash attention."""
    here, facts = detect(), replace(small(2), heads=2, kv_heads=1, key_length=32)
    slow, fast, file = [[2.0, 2.0]] * 3, [[1.0, 1.0]] * 3, CacheFile("attention")
    disturbed = {"plain": slow, "flash": fast, "share": 1e-9}
    file.write(key(here, facts), disturbed)
    assert with_attention(here, facts).cpu_flash is True
    with_attention(here, facts, measure=True)
    better = AttentionTimes.of(file.read()[key(here, facts)])
    assert better.share > 1e-9
    assert max(map(max, better.plain)) < 1.0


def test_plans_here_know_it() -> None:
    """Those for another machine do not."""
    here = replace(detect(), ram_total=64 * GIB, ram_available=64 * GIB, devices=())
    known = {"plain": [[2.0, 2.0]] * 3, "flash": [[1.0, 1.0]] * 3, "share": 1.0}
    CacheFile("attention").write(key(here, qwq()), known)
    assert Outlook(here, is_here=True).plan(qwq()).flash
    assert not Outlook(here).plan(qwq()).flash
    assert Outlook(here, is_here=True).measure_attention(qwq()) is True
    assert Outlook(here).measure_attention(qwq(), "always") is None


def test_it_is_measured_only_where_it_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """On what has the layers; not with a quantized cache, a short context, or a person's word."""
    asked: list[str] = []
    monkeypatch.setattr(Outlook, "measure_attention", lambda *_: asked.append("processor"))
    monkeypatch.setattr(Outlook, "measure_device_attention", lambda *_: asked.append("devices"))
    alone, whole = Outlook(machine(64 * GIB)), Outlook(machine(64 * GIB, gpu(40 * GIB)))
    part = Outlook(machine(64 * GIB, gpu(12 * GIB)))
    assert part.measured(qwq()).kv_type == "q8_0"
    for here in (alone, whole):
        here.measured(qwq(), Constraints(kv_type="q8_0"))
        here.measured(qwq(), Constraints(flash="off"))
        here.measured(qwq(), Constraints(context=4096))
        assert not asked
    assert alone.measured(qwq()) == alone.plan(qwq())
    assert whole.measured(qwq()) == whole.plan(qwq())
    assert asked == ["processor", "devices"]


@pytest.mark.parametrize(("load", "measured"), [(0.1, True), (1.5, True), (3.0, False)])
def test_a_busy_machine_compares_all_the_same(
    load: float, measured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both kinds take turns, so only a very busy one is left alone."""
    asked: list[bool] = []

    def note(machine: Machine, _: ModelFacts, parallel: int, *, measure: bool) -> Machine:
        asked.append(measure)
        return machine

    monkeypatch.setattr(outlook, "with_attention", note)
    monkeypatch.setattr(os, "getloadavg", lambda: (load * (os.cpu_count() or 1), 0.0, 0.0))
    Outlook(machine(64 * GIB), is_here=True).measure_attention(qwq())
    assert asked == [measured]


def test_what_cannot_be_measured_stays_unknown() -> None:
    """A llama.cpp that does not answer, and a cache file that somebody changed."""
    broken = replace(machine(GIB, gpu(GIB)), llama_cpp=None)
    assert with_attention(broken, qwq(), measure=True) == broken
    here = detect()
    CacheFile("attention").write(key(here, qwq()), {"plain": "no"})
    assert with_attention(here, qwq()).cpu_flash is None


@given(TIMES, TIMES)
def test_the_faster_one_is_chosen(plain: Times, flash: Times) -> None:
    """Over short and long contexts, answers and prompts."""
    times = AttentionTimes(plain=plain, flash=flash, share=1.0)
    difference = sum(map(sum, flash)) - sum(map(sum, plain))
    if abs(difference) > 1e-9:
        assert times.flash_is_faster() is (difference < 0)
    assert AttentionTimes.of(asdict(times)) == times
    with pytest.raises(Malformed):
        AttentionTimes.of({"plain": plain[:1], "flash": flash, "share": 1.0})


@given(st.floats(1e-6, 1.0), st.floats(1e-6, 1.0), st.integers(2, 64))
def test_plain_attention_computes_the_cells_of_others(
    empty: float, cell: float, parallel: int
) -> None:
    """Several conversations take it as long as one of all their tokens."""

    def all_at(share: float) -> Times:
        others = share * 512 * (parallel - 1)
        return tuple((empty + cell * (depth + others),) * 2 for depth in DEPTHS)

    for share, is_faster in ((0.9, True), (1.1, False)):
        times = AttentionTimes(plain=all_at(0), flash=all_at(share), share=1.0)
        assert times.flash_is_faster(parallel) is is_faster
        assert not times.flash_is_faster()
