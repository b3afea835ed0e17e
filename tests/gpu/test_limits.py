"""Tensors that are larger than the device computes with."""

from pathlib import Path

import pytest

from localqwq.gguf.facts import read_facts
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import MIB, ContextSettings
from localqwq.planning.plan import plan
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.gpu.loads import Case, loader
from tests.gpu.test_splits import as_exact, as_planned

pytestmark = pytest.mark.gpu

HIDDEN = 2048


@pytest.fixture
def limit(device: Device) -> int:
    """The device's, if models of that size can be made in a test."""
    if device.largest_tensor is None or device.largest_tensor > 512 * MIB:
        pytest.skip("only some Vulkan drivers have a limit that matters: lavapipe's is 128 MiB")
    return device.largest_tensor


def test_an_output_matrix(limit: int, device: Device, gpu_machine: Machine, tmp_path: Path) -> None:
    """The processor has it, as planned, and computes the same logits from it."""
    checkpoint = make_checkpoint(
        tmp_path / "checkpoint",
        hidden=HIDDEN,
        feed_forward=HIDDEN,
        heads=16,
        kv_heads=16,
        vocabulary=limit // (2 * HIDDEN) + 256,
        tied=False,
    )
    convert(checkpoint, tmp_path / "pack", ["BF16", "Q8_0"], name="model")
    path = tmp_path / "pack" / "model-BF16.gguf"
    settings = ContextSettings(512)
    with loader(device.description) as load:
        loaded = load(Case(path, settings, (device.name,), (3,)))
        exact = load(Case(path, settings)).logits
        in_eight_bits = load(Case(tmp_path / "pack" / "model-Q8_0.gguf", settings)).logits
    as_planned(path, gpu_machine, settings, (3,), loaded)
    as_exact(loaded.logits, exact, in_eight_bits)


def test_a_long_context(limit: int, device: Device, gpu_machine: Machine, tmp_path: Path) -> None:
    """What is planned for it can be loaded: llama.cpp would end the process otherwise."""
    checkpoint = make_checkpoint(
        tmp_path / "checkpoint", hidden=HIDDEN, heads=16, kv_heads=16, context=1 << 17
    )
    convert(checkpoint, tmp_path / "pack", ["Q8_0"], name="model")
    path = tmp_path / "pack" / "model-Q8_0.gguf"
    context = limit // (2 * HIDDEN)
    for wanted, layers in ((context, 3), (context + 256, 0)):
        found = plan(read_facts(path), gpu_machine, constraints=Constraints(wanted, "f16"))
        assert found.gpu_layers == layers
        settings = ContextSettings(wanted)
        used = (device.name,) if layers else ()
        with loader(device.description) as load:
            assert load(Case(path, settings, used, (layers,) if layers else ())).logits
