"""The device that is tested on: a GPU that llama.cpp finds, or else Mesa's software device."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.hardware.detection import detect
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.placement import gpus
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint

_SOFTWARE = "GGML_VK_VISIBLE_DEVICES"
"""Lavapipe is a processor, which ggml's Vulkan passes over unless it is named."""


@pytest.fixture(scope="session", autouse=True)
def gpu_machine() -> Iterator[Machine]:
    """This machine, which has a device of its own."""
    with pytest.MonkeyPatch.context() as patch:
        found = detect()
        if not gpus(found):
            patch.setenv(_SOFTWARE, "0")
            found = detect()
        if not gpus(found):
            pytest.exit(
                "llama.cpp finds no device here, so nothing was tested: choose a backend with "
                "make test-gpu BACKEND=…; without a GPU, vulkan and mesa-vulkan-drivers.",
                returncode=1,
            )
        yield found


@pytest.fixture(scope="session")
def device(gpu_machine: Machine) -> Device:
    """The first one."""
    return gpus(gpu_machine)[0]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of small models by what is done with their embedding, each in three types."""
    root = tmp_path_factory.mktemp("models")
    tied = make_checkpoint(root / "tied-checkpoint", layers=6, context=8192)
    untied = make_checkpoint(
        root / "untied-checkpoint",
        layers=6,
        hidden=512,
        feed_forward=1536,
        heads=8,
        kv_heads=4,
        vocabulary=4096,
        tied=False,
        context=8192,
    )
    for name, checkpoint in (("tied", tied), ("untied", untied)):
        convert(checkpoint, root / name, ["BF16", "Q8_0", "Q4_K_M"], name="model")
    return {name: root / name for name in ("tied", "untied")}
