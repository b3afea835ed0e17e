"""Which attention suits the processor and the device of a machine that has both."""

import subprocess
import sys
from dataclasses import replace

import pytest

from localqwq.engine.probing.device_attention import with_device_attention
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.memory import GIB
from localqwq.planning.plan import plan
from tests.machines import qwq

pytestmark = pytest.mark.gpu

MEASURE = """
from localqwq.engine.llama.library import buffer_lines, clear_buffer_lines
from localqwq.engine.probing import attention_probe
clear_buffer_lines()
attention_probe.measure(heads=4, kv_heads=2, size=64, depths=(64, 128), threads=1)
print(*buffer_lines())
"""


def test_only_the_processor_computes_what_is_measured(device: Device) -> None:
    """The device would otherwise compute large batches, though it has no layers."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=60
    )
    assert "CPU compute buffer" in done.stdout
    assert device.name not in done.stdout


def test_the_device_itself_is_measured(gpu_machine: Machine, device: Device) -> None:
    """In QwQ's shape; a plan that fits on it follows."""
    found = with_device_attention(gpu_machine, qwq(), measure=True)
    measured = next(one for one in found.devices if one.name == device.name)
    assert isinstance(measured.flash, bool)
    large = replace(measured, free=80 * GIB, total=80 * GIB)
    made = plan(qwq(), replace(found, devices=(large,)))
    assert made.gpu_layers == made.layers_total
    assert made.flash is measured.flash
