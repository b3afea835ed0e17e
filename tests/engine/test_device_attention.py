"""Which attention suits the devices: measured by ggml itself, once for each shape."""

from dataclasses import replace
from math import inf

import pytest

from localqwq.codec import Malformed
from localqwq.engine.probing import device_attention, device_attention_probe
from localqwq.engine.probing.attention_times import DEPTHS, AttentionTimes
from localqwq.engine.probing.device_attention import device_key, with_device_attention
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.detection import detect
from localqwq.hardware.machine import Device, Machine
from localqwq.models.outlook import Outlook
from localqwq.planning.memory import GIB
from tests.machines import gpu, machine, qwq

CARD, OTHER = gpu(40 * GIB), gpu(40 * GIB, "CUDA1")


def here(*devices: Device) -> Machine:
    """This machine, as if it had these devices."""
    return replace(machine(64 * GIB), llama_cpp=detect().llama_cpp, devices=devices)


def note(of: Machine, name: str, plain: float, flash: float) -> None:
    """Have the seconds of each kind as a device's measurement."""
    device = next(one for one in of.devices if one.name == name)
    times = {"plain": [[plain] * 2] * len(DEPTHS), "flash": [[flash] * 2] * len(DEPTHS)}
    CacheFile("device_attention").write(device_key(of, device, qwq()), times | {"share": 1.0})


def flashes(found: Machine) -> list[bool | None]:
    """What suits each device."""
    return [device.flash for device in found.devices]


def test_the_probe_computes_both_kinds() -> None:
    """On any of ggml's devices, of which the processor is one."""
    found = device_attention_probe.measure(
        device="CPU", heads=4, kv_heads=2, size=64, depths=DEPTHS
    )
    times = AttentionTimes.of(found)
    assert all(0 < seconds < 10 for kind in (times.plain, times.flash) for seconds in sum(kind, ()))


def test_what_a_device_cannot_compute_does_not_suit_it() -> None:
    """It takes forever."""
    times = {"plain": [[1.0, 1.0]] * len(DEPTHS), "flash": [[inf, inf]] * len(DEPTHS)}
    assert not AttentionTimes.of(times | {"share": 1.0}).flash_is_faster(headstart=1.25)
    with pytest.raises(Malformed):
        AttentionTimes.of({"plain": times["flash"], "flash": times["plain"], "share": 1.0})


@pytest.mark.parametrize(("flash", "suits"), [(0.9, True), (1.1, True), (1.5, False)])
def test_plain_attention_must_be_clearly_faster(flash: float, suits: bool) -> None:
    """Each device has its own; with several conversations flash attention gains."""
    of = here(CARD, OTHER)
    note(of, "CUDA0", 1.0, flash)
    assert flashes(with_device_attention(of, qwq())) == [suits, None]
    assert flashes(with_device_attention(of, replace(qwq(), heads=8))) == [None, None]
    plan = Outlook(here(replace(CARD, free=80 * GIB)), is_here=True).plan(qwq())
    assert plan.gpu_layers == plan.layers_total
    assert plan.flash is suits


def test_a_failure_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one, of a device that is not there: no start waits for it again."""
    of = here(CARD)
    assert flashes(with_device_attention(of, qwq(), measure=True)) == [None]
    assert list(CacheFile("device_attention").read().values()) == [None]
    monkeypatch.setattr(device_attention, "measured", pytest.fail)
    assert flashes(with_device_attention(of, qwq(), measure=True)) == [None]


def test_other_machines_devices_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is the processor, which has its own measurement."""
    monkeypatch.setattr(device_attention, "measured", pytest.fail)
    of = here(gpu(40 * GIB, "RPC0"), gpu(60 * GIB, "CPU", "CPU"))
    assert with_device_attention(of, qwq(), measure=True) == of


def test_it_is_measured_and_kept() -> None:
    """In a child process, on a device of this machine."""
    of = here(gpu(GIB, "CPU", "GPU"))  # ggml's own name of the processor, as if it were a card
    facts = replace(qwq(), heads=2, kv_heads=1, key_length=32)
    found = with_device_attention(of, facts, measure=True)
    assert isinstance(found.devices[0].flash, bool)
    assert with_device_attention(of, facts) == found
