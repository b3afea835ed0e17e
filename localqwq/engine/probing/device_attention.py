"""Which attention suits this machine's devices: measured once for each shape."""

from dataclasses import asdict, replace

from localqwq.children import Child
from localqwq.codec import Malformed
from localqwq.engine.probing.attention_times import DEPTHS, AttentionTimes, shape
from localqwq.engine.probing.probe_child import measured
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.placement import gpus

TIME_LIMIT_S = 30.0
_CACHE_FILE = "device_attention"
_HEADSTART = 1.25
"""Plain attention must be clearly faster: it takes more of a device's memory, and reads prompts in
smaller batches.
"""


def with_device_attention(
    machine: Machine, facts: ModelFacts, parallel: int = 1, *, measure: bool = False
) -> Machine:
    """Return the machine with its devices' ``flash`` for so many conversations, where it is known.

    With ``measure``, an unknown one is measured in a child process, some four seconds for each
    device and up to half a minute for a very slow one. A failure is not repeated with the same
    llama.cpp. Other machines' devices are left out: whoever lends them loses the server if a device
    cannot do something, and llama.cpp does not ask.
    """
    known = {
        device.name: _flash(machine, device, facts, parallel, measure=measure)
        for device in gpus(machine)
        if not device.is_remote
    }
    devices = (replace(device, flash=known.get(device.name)) for device in machine.devices)
    return replace(machine, devices=tuple(devices))


def _flash(
    machine: Machine, device: Device, facts: ModelFacts, parallel: int, *, measure: bool
) -> bool | None:
    file, name = CacheFile(_CACHE_FILE), device_key(machine, device, facts)
    entries = file.read()
    if measure and name not in entries and machine.llama_cpp is not None:
        order = {
            "device": device.name,
            "heads": facts.heads,
            "kv_heads": facts.kv_heads,
            "size": facts.key_length,
            "depths": DEPTHS,
        }
        found = measured(Child.DEVICE_ATTENTION_PROBE, order, AttentionTimes.of, TIME_LIMIT_S)
        entries[name] = None if found is None else asdict(found)
        file.write(name, entries[name])
    try:
        times = AttentionTimes.of(entries.get(name))
    except Malformed:
        return None
    return times.flash_is_faster(parallel, headstart=_HEADSTART)


def device_key(machine: Machine, device: Device, facts: ModelFacts) -> str:
    """Return the cache key of a shape on a device with this build of llama.cpp."""
    return f"{machine.build}: {device.name} {device.description}, {shape(facts)}"
