"""Plans: what is given up first, what is kept to, and that more memory is never worse."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB, MIB, KvType
from localqwq.planning.plan import Plan, plan
from localqwq.planning.speed import REACHED
from tests.machines import MACHINES, gpu, machine, qwq, small


def shape(found: Plan) -> tuple[int, str, int, bool]:
    """Context, type of the KV cache, offloaded layers, fits."""
    return found.context, found.kv_type, found.gpu_layers, found.fits


def test_processor_only() -> None:
    """Without a GPU the host holds everything, with as many threads as cores."""
    found = plan(qwq(), machine(64 * GIB))
    assert shape(found) == (32_768, "f16", 0, True)
    assert found.threads == 8
    assert found.host.used == pytest.approx((18_926 + 8192 + 680 + 382) * MIB, abs=3 * MIB)
    assert found.why == "The processor holds all 65 layers in 27.5 GiB of memory."


def test_the_order_in_which_things_are_given_up() -> None:
    """As a card shrinks: F16 in the cache, some context, layers, and in the end all of them."""
    host = 32 * GIB
    cards = {size: plan(qwq(), machine(host, gpu(size * GIB))) for size in (40, 25, 23, 16, 2)}
    assert shape(cards[40]) == (32_768, "f16", 65, True)
    assert cards[40].why == "All 65 layers fit on CUDA0 in 26.3 GiB."
    assert shape(cards[25]) == (32_768, "q8_0", 65, True)
    assert cards[25].why == (
        "All 65 layers fit on CUDA0 in 22.5 GiB; the KV cache is in Q8_0 instead of F16, which "
        "makes room for all of the 32,768 tokens of context."
    )
    assert shape(cards[23]) == (26_624, "q8_0", 65, True)
    assert cards[23].why == (
        "All 65 layers fit on CUDA0 in 21.7 GiB; the context is 26,624 instead of 32,768 tokens "
        "and the KV cache in Q8_0, so that all of it is on CUDA0."
    )
    assert shape(cards[16]) == (32_768, "q8_0", 42, True)
    assert cards[16].why == (
        "42 of 65 layers fit on CUDA0, and the processor holds the rest; that is slower, but "
        "leaves room for all 32,768 tokens of context, with the KV cache in Q8_0."
    )
    assert shape(cards[2]) == (32_768, "q8_0", 2, True)


def test_memory_of_the_host_is_finite() -> None:
    """What the host cannot hold costs context, and in the end the plan is refused."""
    found = plan(qwq(), machine(13 * GIB, gpu(11.5 * GIB)))
    assert shape(found) == (17_408, "q8_0", 31, True)
    assert found.why == (
        "31 of 65 layers fit on CUDA0, and the processor holds the rest; memory is short for "
        "32,768 tokens of context, so there are 17,408, with the KV cache in Q8_0."
    )
    found = plan(qwq(), machine(8 * GIB))
    assert shape(found) == (2048, "q8_0", 0, False)
    assert found.why == (
        "QwQ-32B in Q4_K_M needs 19.0 GiB of memory with a context of 2,048 tokens, but only 6.0 "
        "GiB can be used here."
    )


def test_a_smaller_quantization_comes_last() -> None:
    """It is taken where the first one does not fit at all, and named."""
    here = machine(26 * GIB, gpu(7.5 * GIB))
    assert not plan(qwq("Q8_0"), here).fits
    found = plan(qwq("Q8_0"), here, smaller=[qwq("Q6_K"), qwq()])
    assert found.fits
    assert (found.wanted.quant, found.facts.quant) == ("Q8_0", "Q6_K")
    assert found.why.startswith("Q8_0 does not fit, so this is for Q6_K: ")


def test_asked_for_context_is_kept() -> None:
    """Rather a plan that does not fit than a silently shorter context; what fits is told."""
    found = plan(qwq(), machine(24 * GIB), context=65_536)
    assert shape(found) == (65_536, "q8_0", 0, False)
    assert found.why == (
        "QwQ-32B in Q4_K_M needs 27.3 GiB of memory with a context of 65,536 tokens, but only "
        "21.5 GiB can be used here, which is enough for 20,480 tokens."
    )
    assert plan(qwq(), machine(24 * GIB), context=20_480).fits
    assert not plan(qwq(), machine(24 * GIB), context=21_504).fits
    assert plan(qwq(), machine(24 * GIB), context=512).context == 512


def test_wishes_are_kept() -> None:
    """Type of the cache, layers, reserve and parallel requests as they were asked for."""
    here = machine(64 * GIB, gpu(40 * GIB))
    assert shape(plan(qwq(), here, constraints=Constraints(kv_type="q4_0"))) == (
        32_768,
        "q4_0",
        65,
        True,
    )
    assert shape(plan(qwq(), here, constraints=Constraints(gpu_layers=7))) == (
        32_768,
        "f16",
        7,
        True,
    )
    assert shape(plan(qwq(), here, constraints=Constraints(gpu_layers=0))) == (
        32_768,
        "f16",
        0,
        True,
    )
    found = plan(
        qwq(), machine(64 * GIB, gpu(20 * GIB)), constraints=Constraints(8192, gpu_layers=65)
    )
    assert not found.fits
    assert "of memory on CUDA0" in found.why
    assert plan(qwq(), here, constraints=Constraints(reserve=12 * GIB)).gpu_layers == 65
    found = plan(qwq(), here, constraints=Constraints(reserve=20 * GIB))
    assert found.devices[0].used <= 20 * GIB
    several = plan(qwq(), here, constraints=Constraints(parallel=4))
    assert several.settings.sequences == plan(qwq(), here).settings.sequences + 3
    assert several.host.compute > plan(qwq(), here).host.compute


@pytest.mark.parametrize("context", [-1, 0, 131_073])
def test_impossible_contexts(context: int) -> None:
    """No machine can do what the model cannot."""
    with pytest.raises(LocalqwqError, match="131,072"):
        plan(qwq(), machine(256 * GIB), context=context)


def test_impossible_layers() -> None:
    """There are none below zero; the sentence says how many there are."""
    with pytest.raises(LocalqwqError, match="has 65 layers"):
        plan(qwq(), machine(256 * GIB), constraints=Constraints(gpu_layers=-1))


@pytest.mark.parametrize("layers", [66, 99, 10**9])
def test_more_layers_than_there_are(layers: int) -> None:
    """They mean all of them, as everybody writes 99 for that; the reason says so."""
    for here in (machine(64 * GIB, gpu(40 * GIB)), machine(64 * GIB, gpu(2 * GIB))):
        some = Constraints(8192, gpu_layers=layers)
        found = plan(qwq(), here, constraints=some)
        every = plan(qwq(), here, constraints=replace(some, gpu_layers=65))
        assert replace(found, why="") == replace(every, why="")
        assert found.why == f"{every.why} It has 65 layers, so {layers:,} means all of them."


def test_a_context_that_is_rounded_up() -> None:
    """The reason says what it becomes; round ones, and those of the plan, need no word."""
    here = machine(64 * GIB)
    asked = plan(qwq(), here, constraints=Constraints(context=1000))
    assert "steps of 256 tokens: 1,000 is rounded up to 1,024." in asked.why
    for round_one in (Constraints(context=1024), Constraints()):
        assert "rounded" not in plan(qwq(), here, constraints=round_one).why


def test_caches_that_a_model_cannot_have() -> None:
    """Heads of 80 values fill no blocks of 32: only F16 is planned, and others are refused."""
    odd = replace(small(8), key_length=80)
    assert plan(odd, machine(3 * GIB)).kv_type == "f16"
    with pytest.raises(LocalqwqError, match="use f16"):
        plan(odd, machine(64 * GIB), constraints=Constraints(kv_type="q8_0"))


def test_small_models_fit_small_machines() -> None:
    """The margin is a part of what is there, not a threshold that nothing passes."""
    assert plan(small(1), machine(3 * GIB)).fits


def test_unified_memory_is_one_pool() -> None:
    """Offloading to it frees nothing: what does not fit twice is not planned twice."""
    free = 60 * GIB
    assert not plan(qwq(), machine(20 * GIB, gpu(free, "Vulkan0", "IGPU")), context=32_768).fits
    found = plan(qwq(), machine(48 * GIB, gpu(free, "MTL0")), context=32_768)
    assert shape(found) == (32_768, "f16", 65, True)
    assert found.host.free + found.devices[0].used == 48 * GIB
    assert found.devices[0].free == 48 * GIB


def test_weights_are_rearranged_where_memory_is_plenty() -> None:
    """Then the system may not take them back, so it must not come to need them."""
    assert plan(qwq(), machine(64 * GIB)).repack
    assert not plan(qwq(), machine(26 * GIB), context=8192).repack
    assert not plan(qwq(), machine(64 * GIB, gpu(40 * GIB))).repack


def test_weights_are_rearranged_where_that_answers_faster_or_is_asked_for() -> None:
    """Reading prompts does not count; what was asked for may not fit."""
    slower = replace(measured(), mapped_bandwidth=60e9, mapped_flops=1e12)
    faster = replace(measured(), mapped_bandwidth=40e9, mapped_flops=2e12)
    assert not plan(qwq(), slower).repack
    assert plan(qwq(), faster).repack
    always, never = (Constraints(8192, repack=mode) for mode in ("on", "off"))
    assert plan(qwq(), slower, constraints=always).repack
    assert not plan(qwq(), faster, constraints=never).repack
    tight = machine(26 * GIB)
    assert plan(qwq(), tight, constraints=always).repack
    assert plan(qwq(), tight, constraints=always).fits
    assert not plan(qwq(), machine(21 * GIB), constraints=always).fits
    assert not plan(qwq(), machine(64 * GIB, gpu(16 * GIB)), constraints=always).repack


def test_speed_is_that_of_the_layout() -> None:
    """And the other one's is known beside it, if the processor computes alone."""
    here = replace(measured(), mapped_bandwidth=40e9, mapped_flops=2e12)
    on, off = (plan(qwq(), here, constraints=Constraints(repack=mode)) for mode in ("on", "off"))
    assert (on.speed, on.other_speed) == (off.other_speed, off.speed)
    assert (on.speed.decode or 0) == pytest.approx((off.speed.decode or 0) * 5 / 4)
    assert (on.speed.prefill or 0) == pytest.approx((off.speed.prefill or 0) / 2)
    assert plan(qwq(), measured()).other_speed is None
    card = replace(gpu(40 * GIB), bandwidth=1000e9, flops=100e12)
    assert plan(qwq(), replace(here, devices=(card,))).other_speed is None


def measured(*devices: Device, ram: float = 64 * GIB) -> Machine:
    """A machine whose memory gives 50 GB a second, and which computes 1 TFLOPS."""
    return replace(machine(ram, *devices), ram_bandwidth=50e9, cpu_flops=1e12)


def test_speed_follows_bandwidth() -> None:
    """Each token reads all weights but the embedding's, and half of a full cache."""
    facts = qwq()
    speed = plan(facts, measured()).speed
    read = facts.weight_bytes - facts.input_bytes + 4 * GIB
    assert speed.decode == pytest.approx(REACHED * 50e9 / read)
    assert speed.prefill == pytest.approx(REACHED * 1e12 / (2 * facts.parameters), rel=0.03)
    slow = replace(measured(), cpu_latency=1e-3)
    per_token = 1 / (speed.decode or 1) + 65 * 22 * 1e-3 / REACHED
    assert plan(facts, slow).speed.decode == pytest.approx(1 / per_token)
    assert plan(facts, machine(64 * GIB)).speed.decode is None
    near = replace(gpu(40 * GIB, "RPC0"), bandwidth=100e9, trip=0.0)
    fast, far = (plan(facts, measured(replace(near, trip=trip))).speed for trip in (0.0, 0.05))
    assert 1 / (far.decode or 1) == pytest.approx(1 / (fast.decode or 1) + 0.05 / REACHED)
    card = replace(gpu(20 * GIB), bandwidth=1000e9, flops=100e12)
    split = plan(facts, measured(card))
    assert 0 < split.gpu_layers < 65
    assert split.speed.decode is not None
    assert split.speed.decode > 2 * (speed.decode or 0)
    assert plan(facts, measured(gpu(20 * GIB))).speed.decode is None


def test_a_least_speed_passes_over_slow_steps() -> None:
    """A smaller quantization is taken for it; if nothing is quick enough, the first that fits."""
    here = measured()
    assert plan(qwq("Q8_0"), here, smaller=[qwq()]).facts.quant == "Q8_0"
    quick = plan(qwq("Q8_0"), here, constraints=Constraints(least_speed=1.7), smaller=[qwq()])
    assert quick.facts.quant == "Q4_K_M"
    assert (quick.speed.decode or 0) >= 1.7
    slow = plan(qwq("Q8_0"), here, constraints=Constraints(least_speed=9.0), smaller=[qwq()])
    assert slow.facts.quant == "Q8_0"


MEMORY = st.integers(0, 96 * GIB)
CONTEXT = st.none() | st.integers(1, 131_072)
LAYERS = st.integers(1, 64)
KV_TYPE = st.sampled_from([None, "f16", "q8_0", "q4_0"])


@settings(max_examples=40)
@given(LAYERS, MEMORY, st.lists(MEMORY, max_size=3), CONTEXT, KV_TYPE, st.booleans())
def test_never_more_than_there_is(
    layers: int,
    ram: int,
    cards: list[int],
    context: int | None,
    kv_type: KvType | None,
    tied: bool,
) -> None:
    """No device is ever planned beyond its memory less its margin, nor the host if it fits."""
    devices = [gpu(free, f"CUDA{index}") for index, free in enumerate(cards)]
    constraints = Constraints(context, kv_type)
    found = plan(small(layers, tied=tied), machine(ram, *devices), constraints=constraints)
    assert all(load.total <= load.free for load in found.devices if load.layers)
    assert all(load.used == 0 for load in found.devices if not load.layers)
    assert found.fits == (found.host.total <= found.host.free)
    assert sum(found.tensor_split) == found.gpu_layers
    assert found.host.layers + found.gpu_layers == layers + 1
    assert found.context == context or context is None
    assert found.kv_type == kv_type or kv_type is None
    held = sum(load.weights for load in (*found.devices, found.host))
    copies = tied and found.gpu_layers > 0
    facts = found.facts
    assert held == facts.weight_bytes + (facts.input_bytes if copies else 0)
    assert found.why.endswith(".")
    assert "\n" not in found.why


def rank(found: Plan) -> tuple[bool, int, int, int]:
    """The larger, the better."""
    return found.fits, -found.step, found.context, found.gpu_layers


@settings(max_examples=40)
@given(LAYERS, MEMORY, st.lists(MEMORY, max_size=2), MEMORY, CONTEXT, st.booleans())
def test_more_memory_is_never_worse(
    layers: int, ram: int, cards: list[int], more: int, context: int | None, unified: bool
) -> None:
    """With more on the host or on any card, a plan is at least as good, in the table's order."""
    facts = small(layers)
    sizes = cards[:1] if unified else cards
    name = "MTL" if unified else "CUDA"

    def planned(ram: int, sizes: list[int]) -> Plan:
        devices = [gpu(free, f"{name}{index}") for index, free in enumerate(sizes)]
        return plan(facts, machine(ram, *devices), context=context)

    found = planned(ram, sizes)
    assert rank(planned(ram + more, sizes)) >= rank(found)
    for index in range(len(sizes)):
        larger = [size + more * (index == other) for other, size in enumerate(sizes)]
        assert rank(planned(ram, larger)) >= rank(found)


@settings(max_examples=40)
@given(LAYERS, MEMORY, MEMORY, st.integers(1, 131_072), st.integers(1, 131_072))
def test_longer_contexts_cost_more(
    layers: int, ram: int, card: int, context: int, more: int
) -> None:
    """What fits with a longer context fits with a shorter one, and no worse."""
    assume(context + more <= 131_072)
    facts, here = small(layers), machine(ram, gpu(card))
    short, long = (plan(facts, here, context=size) for size in (context, context + more))
    assert (short.fits, -short.step, short.gpu_layers) >= (long.fits, -long.step, long.gpu_layers)


@pytest.mark.parametrize("name", MACHINES)
def test_the_usual_context_is_as_large_as_can_be(name: str) -> None:
    """Where nothing was asked for and all layers are on devices, 1,024 more would not fit."""
    found = plan(qwq(), MACHINES[name])
    if found.fits and found.context < 32_768:
        more = Constraints(found.context + 1024, found.kv_type, found.gpu_layers)
        assert not plan(qwq(), MACHINES[name], constraints=more).fits
