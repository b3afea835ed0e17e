"""Every way to divide a model between a device and the host: right, and as large as planned."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from localqwq.gguf.facts import read_facts
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.memory import MIB, ContextSettings, KvType, bookkeeping_bytes
from localqwq.planning.placement import HOST, gpus
from tests.gpu.loads import Case, Loaded, Loader, loader
from tests.placements import planned
from tests.rpc_servers import rpc_server

pytestmark = pytest.mark.gpu

ALL = 7
"""Layers of the models, the output counted as one."""
CASES: list[tuple[str, str, int, KvType, int, int]] = [
    ("tied", "Q8_0", 0, "f16", 512, 1),
    ("untied", "Q4_K_M", 0, "q8_0", 4096, 4),
    ("tied", "Q4_K_M", 1, "f16", 4096, 4),
    ("untied", "Q8_0", 1, "q8_0", 512, 1),
    ("tied", "Q8_0", 1, "q4_0", 4096, 1),
    ("untied", "Q4_K_M", 3, "f16", 512, 1),
    ("tied", "Q8_0", 3, "q8_0", 4096, 4),
    ("untied", "Q8_0", 3, "q4_0", 512, 4),
    ("untied", "Q8_0", 6, "f16", 4096, 4),
    ("tied", "Q4_K_M", 6, "q8_0", 512, 1),
    ("tied", "Q8_0", 6, "q4_0", 512, 4),
    ("untied", "Q4_K_M", ALL, "q4_0", 4096, 1),
    ("tied", "Q4_K_M", ALL, "f16", 512, 4),
    ("untied", "Q8_0", ALL, "q8_0", 4096, 1),
    ("tied", "Q8_0", ALL, "f16", 4096, 1),
]
"""Embedding, quantization, layers on the device, KV cache, context, requests at once: all pairs of
layers and cache, and nearly all other pairs. One layer is the output alone."""


@pytest.fixture(scope="module")
def load(device: Device) -> Iterator[Loader]:
    """A process that loads on this machine's devices."""
    with loader(device.description) as one:
        yield one


@pytest.mark.parametrize(("embedding", "quant", "layers", "kv_type", "context", "parallel"), CASES)
def test_one_device(
    load: Loader,
    models: dict[str, Path],
    gpu_machine: Machine,
    device: Device,
    embedding: str,
    quant: str,
    layers: int,
    kv_type: KvType,
    context: int,
    parallel: int,
) -> None:
    """Logits are the processor's to within the error of the types; memory is as planned."""
    path = models[embedding] / f"model-{quant}.gguf"
    settings = ContextSettings(context, kv_type, parallel)
    split = (layers,) if layers else ()
    names = (device.name,) if layers else ()
    loaded = load(Case(path, settings, names, split))
    exact = load(Case(models[embedding] / "model-BF16.gguf", settings_of(context))).logits
    same_types = load(Case(path, settings)).logits
    as_exact(loaded.logits, same_types, exact)
    if layers:
        others = (0,) * (len(gpus(gpu_machine)) - 1)
        as_planned(path, gpu_machine, settings, (*split, *others), loaded)


@pytest.mark.parametrize(
    ("embedding", "quant", "layers", "context", "parallel"),
    [
        ("tied", "Q8_0", 1, 4096, 1),
        ("untied", "Q4_K_M", 3, 512, 4),
        ("untied", "Q8_0", 6, 4096, 1),
        ("tied", "Q4_K_M", ALL, 512, 1),
        ("untied", "Q8_0", ALL, 4096, 4),
    ],
)
def test_without_flash_attention(
    load: Loader,
    models: dict[str, Path],
    gpu_machine: Machine,
    device: Device,
    embedding: str,
    quant: str,
    layers: int,
    context: int,
    parallel: int,
) -> None:
    """As with ``--flash off``, which F16 alone allows: as right, and as planned."""
    path = models[embedding] / f"model-{quant}.gguf"
    settings = ContextSettings(context, "f16", parallel, flash=False)
    loaded = load(Case(path, settings, (device.name,), (layers,)))
    exact = load(Case(models[embedding] / "model-BF16.gguf", settings_of(context))).logits
    same_types = load(Case(path, ContextSettings(context, "f16", parallel))).logits
    as_exact(loaded.logits, same_types, exact)
    others = (0,) * (len(gpus(gpu_machine)) - 1)
    as_planned(path, gpu_machine, settings, (layers, *others), loaded)


@pytest.mark.parametrize(("kv_type", "flash"), [("f16", True), ("q8_0", True), ("f16", False)])
@pytest.mark.parametrize("split", [(4, 3), (1, 6), (3, 2), (2, 3)])
def test_beside_another_machine(
    models: dict[str, Path],
    gpu_machine: Machine,
    device: Device,
    split: tuple[int, int],
    kv_type: KvType,
    flash: bool,
) -> None:
    """An RPC server has the first layers and the device the rest, in a pipeline or not."""
    path = models["untied"] / "model-Q8_0.gguf"
    settings = ContextSettings(2048, kv_type, flash=flash)
    with rpc_server() as server, loader(device.description, [server.address]) as load:
        loaded = load(Case(path, settings, ("RPC0", device.name), split))
        same_types = load(Case(path, ContextSettings(2048, kv_type))).logits
        exact = load(Case(models["untied"] / "model-BF16.gguf", settings_of(2048))).logits
    as_exact(loaded.logits, same_types, exact)
    remote = Device("RPC0", server.address, "GPU", 0, 0)
    both = (remote, *gpu_machine.devices)
    others = (0,) * (len(gpus(gpu_machine)) - 1)
    machine = Machine(
        gpu_machine.cpu_name, 1, 1, gpu_machine.ram_total, gpu_machine.ram_available, both
    )
    as_planned(path, machine, settings, (*split, *others), loaded)


def as_exact(on_device: list[float], on_processor: list[float], exact: list[float]) -> None:
    """The device's logits are as near to the processor's as those are to the exact ones."""
    found, of_types = distance(on_device, on_processor), distance(on_processor, exact)
    print(f"logits: {found:.4f} from the processor's, which are {of_types:.4f} from BF16's")
    assert found <= 1.5 * of_types


def as_planned(
    path: Path,
    machine: Machine,
    settings: ContextSettings,
    split: tuple[int, ...],
    loaded: Loaded,
) -> None:
    """Every place has what was planned for it, to within 2 % or 8 MiB, and hardly more."""
    facts = read_facts(path)
    found = planned(facts, machine, settings, split)
    expected = {load.name: load.used for load in found.devices if load.layers}
    expected[HOST] = found.host.used - bookkeeping_bytes(facts, settings)
    assert set(expected) == set(loaded.taken)
    for name, used in expected.items():
        taken = loaded.taken[name]
        print(f"{name}: planned {used / MIB:.2f}, taken {taken / MIB:.2f} MiB")
        assert abs(used - taken) <= max(8 * MIB, used * 0.02)
        assert taken <= used + MIB


def settings_of(context: int) -> ContextSettings:
    """What the exact model is computed with."""
    return ContextSettings(context, "f16")


def distance(one: list[float], other: list[float]) -> float:
    """Between two sets of logits."""
    return float(np.sqrt(np.mean((np.array(one) - np.array(other)) ** 2)))
