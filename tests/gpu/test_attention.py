"""Which attention is faster on the processor, of a machine that has a device as well."""

import subprocess
import sys

import pytest

from localqwq.hardware.machine import Device

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
