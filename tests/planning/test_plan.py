"""Plans: never more than a device has, never silently less than was asked for."""

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.gguf.sampling import Sampling
from localqwq.hardware.machine import Device, DeviceType, Machine
from localqwq.planning.memory import GIB, MIB, compute_bytes, kv_layer_bytes
from localqwq.planning.placement import assign
from localqwq.planning.plan import Plan, plan

# 18,926 MiB in all, as measured; every layer is taken to weigh the same.
_INPUT = 152_064 * 5120 * 144 // 256
_OUTPUT = 152_064 * 5120 * 210 // 256 + 4 * 5120
_LAYER = (int(18_926.01 * MIB) - _INPUT - _OUTPUT) // 64


def qwq(layers: int = 64, *, tied: bool = False) -> ModelFacts:
    """QwQ-32B in Q4_K_M, or one with fewer layers."""
    return ModelFacts(
        path=Path("qwq-32b-Q4_K_M.gguf"),
        bytes=19_851_000_000,
        name="QwQ 32B",
        architecture="qwen2",
        quant="Q4_K_M",
        parameters=32_763_876_352,
        context_length=131_072,
        layers=layers,
        embedding=5120,
        feed_forward=27_648,
        heads=40,
        kv_heads=8,
        key_length=128,
        value_length=128,
        vocabulary=152_064,
        rope_scaling="yarn",
        rope_factor=4.0,
        rope_original_context=32_768,
        sampling=Sampling(),
        chat_template=None,
        layer_bytes=(_LAYER,) * layers,
        output_bytes=_OUTPUT,
        input_bytes=_INPUT,
        tied_embeddings=tied,
    )


def gpu(free: int, name: str = "CUDA0", kind: DeviceType = "GPU") -> Device:
    """A GPU with so many bytes free, of a few more."""
    return Device(name, "a graphics card", kind, free, free + GIB // 2)


def machine(ram: int, *devices: Device) -> Machine:
    """A machine of eight cores with so many bytes of memory available."""
    return Machine("a processor", 8, 16, ram + GIB, ram, devices)


def shape(found: Plan) -> tuple[int, int, bool]:
    """Context, offloaded layers, fits."""
    return found.context, found.gpu_layers, found.fits


def test_sizes_are_those_measured() -> None:
    """KV cache and compute buffer of QwQ at 32,768 tokens are what llama.cpp allocates."""
    facts = qwq()
    assert 64 * kv_layer_bytes(facts, 32_768) == 8192 * MIB
    assert compute_bytes(facts, 32_768) == pytest.approx(234 * MIB, abs=MIB / 2)
    assert kv_layer_bytes(facts, 257) == kv_layer_bytes(facts, 512)


def test_processor_only() -> None:
    """Without a GPU the host holds everything, with as many threads as cores."""
    found = plan(qwq(), machine(64 * GIB))
    assert shape(found) == (32_768, 0, True)
    assert found.threads == 8
    assert found.host.used == pytest.approx((18_926 + 8192 + 234) * MIB, abs=MIB)
    assert found.why == "The processor holds all 65 layers in 26.7 GiB of memory."


def test_all_on_one_gpu() -> None:
    """A large card takes all 65 layers; the host keeps the token embedding."""
    found = plan(qwq(), machine(16 * GIB, gpu(40 * GIB)))
    assert shape(found) == (32_768, 65, True)
    assert found.host.weights == _INPUT
    assert found.host.kv_cache == 0
    assert found.why.startswith("All 65 layers fit on CUDA0 in ")


def test_split_between_gpu_and_host() -> None:
    """What does not fit on a 24 GiB card stays on the host, and one more layer would not fit."""
    found = plan(qwq(), machine(32 * GIB, gpu(24 * GIB)))
    assert found.fits
    [card] = found.devices
    assert 40 < found.gpu_layers == card.layers < 65
    assert card.total <= card.free < card.total + _LAYER + kv_layer_bytes(qwq(), 32_768)
    assert found.why == (
        f"{found.gpu_layers} of 65 layers fit on CUDA0, and the processor holds the rest."
    )


def test_shorter_context_when_memory_is_short() -> None:
    """Nobody asked for a length: it is halved until the model fits, and the reason is told."""
    found = plan(qwq(), machine(24 * GIB))
    assert shape(found) == (8192, 0, True)
    assert "32,768" in found.why
    assert "8,192" in found.why


def test_asked_for_context_is_kept() -> None:
    """Rather a plan that does not fit than a silently shorter context."""
    found = plan(qwq(), machine(24 * GIB), context=32_768)
    assert shape(found) == (32_768, 0, False)
    assert found.why == (
        "QwQ 32B in Q4_K_M needs 26.7 GiB of memory with a context of 32,768 tokens, "
        "and 21.5 GiB can be used here."
    )
    assert plan(qwq(), machine(128 * GIB), context=131_072).fits
    assert plan(qwq(), machine(24 * GIB), context=512).context == 512


@pytest.mark.parametrize("context", [-1, 0, 131_073])
def test_impossible_contexts(context: int) -> None:
    """No machine can do what the model cannot."""
    with pytest.raises(LocalqwqError, match="131,072"):
        plan(qwq(), machine(256 * GIB), context=context)


def test_nothing_fits() -> None:
    """A machine that is too small is told so at the shortest context."""
    assert shape(plan(qwq(), machine(8 * GIB))) == (2048, 0, False)


def test_small_models_fit_small_machines() -> None:
    """The margin is a part of what is there, not a threshold that nothing passes."""
    assert plan(qwq(1), machine(3 * GIB)).fits


def test_tied_embedding_is_copied_to_the_gpu() -> None:
    """The device with the output layer holds the token embedding too, the host still its own."""
    found = plan(qwq(tied=True), machine(16 * GIB, gpu(80 * GIB)))
    assert found.devices[0].weights == 64 * _LAYER + _OUTPUT + _INPUT
    assert found.host.weights == _INPUT


def test_integrated_gpu_shares_the_memory() -> None:
    """Offloading to it frees nothing: what does not fit twice is not planned twice."""
    free = 60 * GIB
    found = plan(qwq(), machine(20 * GIB, gpu(free, "Vulkan0", "IGPU")), context=32_768)
    assert not found.fits
    found = plan(qwq(), machine(48 * GIB, gpu(free, "MTL0")), context=32_768)
    assert shape(found) == (32_768, 65, True)
    assert found.host.free + found.devices[0].used == 48 * GIB


def test_integrated_gpu_is_ignored_beside_a_card() -> None:
    """llama.cpp does so, and a processor is no GPU."""
    integrated, processor = gpu(99 * GIB, "Vulkan1", "IGPU"), gpu(99 * GIB, "CPU", "CPU")
    found = plan(qwq(), machine(32 * GIB, processor, integrated, gpu(40 * GIB)))
    assert [load.name for load in found.devices] == ["CUDA0"]


def test_assignment_follows_free_memory() -> None:
    """Two equal cards share the last layers evenly, a card three times larger gets three parts."""
    assert assign(9, 8, [GIB, GIB]) == [None] + [0] * 4 + [1] * 4
    assert assign(31, 20, [3 * GIB, GIB]) == [None] * 11 + [0] * 15 + [1] * 5
    assert assign(4, 4, [0, GIB]) == [1] * 4
    assert assign(4, 4, [0, 0]) == [None] * 4
    assert assign(4, 2, []) == [None] * 4


MEMORY = st.integers(0, 96 * GIB)
CONTEXT = st.none() | st.integers(1, 131_072)
LAYERS = st.integers(1, 64)


@settings(deadline=None)
@given(LAYERS, MEMORY, st.lists(MEMORY, max_size=4), CONTEXT, st.booleans())
def test_never_more_than_there_is(
    layers: int, ram: int, cards: list[int], context: int | None, tied: bool
) -> None:
    """No device is ever planned beyond its memory less its margin, nor the host if it fits."""
    devices = [gpu(free, f"CUDA{index}") for index, free in enumerate(cards)]
    found = plan(qwq(layers, tied=tied), machine(ram, *devices), context=context)
    assert all(load.total <= load.free for load in found.devices if load.layers)
    assert found.fits == (found.host.total <= found.host.free)
    assert sum(load.layers for load in found.devices) == found.gpu_layers
    assert found.host.layers + sum(load.layers for load in found.devices) == layers + 1
    assert found.context == context or context is None


@settings(deadline=None)
@given(LAYERS, MEMORY, MEMORY, MEMORY, CONTEXT)
def test_more_memory_is_never_worse(
    layers: int, ram: int, card: int, more: int, context: int | None
) -> None:
    """With more memory on the host or on the card, a plan still fits, as long and as much of it."""
    facts = qwq(layers)
    found = plan(facts, machine(ram, gpu(card)), context=context)
    for better in (machine(ram + more, gpu(card)), machine(ram, gpu(card + more))):
        again = plan(facts, better, context=context)
        assert again.fits >= found.fits
        if found.fits:
            assert again.context >= found.context
        if again.context == found.context:
            assert again.gpu_layers >= found.gpu_layers


@settings(deadline=None)
@given(LAYERS, MEMORY, MEMORY, st.integers(1, 131_072), st.integers(1, 131_072))
def test_longer_contexts_cost_more(
    layers: int, ram: int, card: int, context: int, more: int
) -> None:
    """What fits with a longer context fits with a shorter one."""
    assume(context + more <= 131_072)
    facts, here = qwq(layers), machine(ram, gpu(card))
    short, long = (plan(facts, here, context=size) for size in (context, context + more))
    assert short.fits >= long.fits
    assert short.gpu_layers >= long.gpu_layers


@settings(deadline=None)
@given(LAYERS, MEMORY)
def test_reasons_are_one_sentence(layers: int, ram: int) -> None:
    """Whatever comes of it, the reason is one line that ends in a full stop."""
    why = plan(qwq(layers), machine(ram)).why
    assert why.endswith(".")
    assert "\n" not in why
