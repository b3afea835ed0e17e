"""Models and machines for plans: QwQ-32B from its configuration, and computers people have."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from localqwq.engine.probing.learned_margins import learned_margins
from localqwq.gguf.facts import ModelFacts
from localqwq.gguf.sampling import Sampling
from localqwq.hardware.machine import Device, DeviceType, Machine
from localqwq.models.outlook import Outlook
from localqwq.planning.memory import GIB
from localqwq_convert.prospect import Prospect
from tests.checkpoints import write_json
from tests.sparse import QWQ


@cache
def qwq(quant: str = "Q4_K_M") -> ModelFacts:
    """QwQ-32B with all its tensors."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "config.json"
        write_json(path, QWQ)
        return Prospect.read(path).facts(quant)


def small(layers: int, *, tied: bool = False) -> ModelFacts:
    """Like QwQ-32B in Q4_K_M, with so many layers of the same size."""
    return ModelFacts(
        path=Path("small.gguf"),
        bytes=layers * 286_000_000,
        name="Small",
        architecture="qwen2",
        quant="Q4_K_M",
        parameters=layers * 480_000_000 + 1_600_000_000,
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
        layer_bytes=(286_000_000,) * layers,
        output_bytes=638_700_000,
        input_bytes=437_944_320,
        tied_embeddings=tied,
        largest_matrix=116_121_600,
    )


def gpu(free: float, name: str = "CUDA0", kind: DeviceType = "GPU") -> Device:
    """A GPU with so many bytes free, of a few more."""
    return Device(name, "a graphics card", kind, int(free), int(free) + GIB // 2)


def machine(ram: float, *devices: Device) -> Machine:
    """A machine of eight cores with so many bytes of memory available."""
    return Machine("a processor", 8, 16, int(ram) + GIB, int(ram), devices)


def outlook(of: Machine) -> Outlook:
    """How models are loaded there, with what is known of it by now."""
    return Outlook(of, learned_margins(of), is_here=True)


MACHINES = {
    "RTX 4090, 64 GB": machine(60 * GIB, gpu(23.5 * GIB)),
    "2 x 12 GB, 32 GB": machine(29 * GIB, gpu(11.5 * GIB), gpu(11.5 * GIB, "CUDA1")),
    "16 + 8 GB, 64 GB": machine(60 * GIB, gpu(15.5 * GIB), gpu(7.5 * GIB, "CUDA1")),
    "8 GB laptop, 32 GB": machine(28 * GIB, gpu(7.5 * GIB)),
    "12 GB, 16 GB": machine(13 * GIB, gpu(11.5 * GIB)),
    "H200, 128 GB": machine(120 * GIB, gpu(139 * GIB)),
    "Mac 32 GB": machine(26 * GIB, gpu(21.3 * GIB, "MTL0")),
    "Mac 64 GB": machine(56 * GIB, gpu(48 * GIB, "MTL0")),
    "Mac 128 GB": machine(118 * GIB, gpu(96 * GIB, "MTL0")),
    "16 GB": machine(14 * GIB),
    "32 GB": machine(29 * GIB),
    "64 GB": machine(60 * GIB),
}
"""What is free on computers that people run models on."""
