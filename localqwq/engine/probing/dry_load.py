"""The sizes of llama.cpp's buffers, reported by a load that allocates nothing.

llama.cpp builds its graphs for a model whose tensors have no data (``no_alloc``) and logs the size
of each compute buffer. That needs no memory and little time, but a driver may hang or end the
process: hence a child (:mod:`localqwq.engine.probing.dry_load_child`).
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localqwq import children
from localqwq.engine.llama.log_patterns import KV_CACHE, OUTPUT, RESERVED
from localqwq.errors import LocalqwqError
from localqwq.hardware.machine import HOST
from localqwq.planning.plan import Plan

TIME_LIMIT_S = 20.0
_DEVICE = re.compile(r"^device (\S+) has buffers (\S+)$", re.MULTILINE)


class DryLoadTimeout(LocalqwqError):
    """llama.cpp did not answer in time."""


@dataclass(frozen=True, slots=True)
class Buffers:
    """Sizes in bytes, to within the 10 KiB that llama.cpp's log rounds to."""

    compute: Mapping[str, int]
    """By the name of the device, or else of llama.cpp's buffer type, such as ``CUDA_Host``."""
    output: int
    kv_cache: int
    """On all devices and the host together."""

    def taken_by(self, name: str, devices: tuple[str, ...]) -> int:
        """Return the compute and output buffers of a device, or of ``HOST``, in bytes."""
        if name != HOST:
            return self.compute.get(name, 0)
        others = sum(self.taken_by(device, devices) for device in devices)
        return sum(self.compute.values()) - others + self.output


def order_of(path: Path, plan: Plan, rpc: Sequence[str] = ()) -> dict[str, Any]:
    """Return everything that the dry-load process needs to know."""
    settings = plan.settings
    used = [load for load in plan.devices if load.layers]
    return {
        "path": str(path.absolute()),
        "rpc": list(rpc),
        "devices": [load.name for load in used],
        "tensor_split": [load.layers for load in used],
        "gpu_layers": plan.gpu_layers,
        "repack": plan.repack,
        "context": settings.cells,
        "kv_type": settings.kv_type,
        "flash": settings.flash,
        "batch": min(settings.batch, settings.cells),
        "sequences": settings.sequences,
    }


def dry_load(
    path: Path, plan: Plan, time_limit: float = TIME_LIMIT_S, rpc: Sequence[str] = ()
) -> Buffers:
    """Return the buffers that loading ``path`` as planned will allocate.

    ``rpc``: addresses of the machine's RPC servers, in the order of their devices.

    Raises:
        DryLoadTimeout: no answer for ``time_limit`` seconds.
        LocalqwqError: llama.cpp cannot load it this way, or ended its process.
    """
    order = json.dumps(order_of(path, plan, rpc))
    try:
        child = children.run(
            children.command(children.Child.DRY_LOAD, order),
            timeout=time_limit,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},  # it would wait for a debugger
        )
    except subprocess.TimeoutExpired as error:
        raise DryLoadTimeout(
            f"llama.cpp did not say within {time_limit:.0f} seconds what {path.name} needs; a "
            "graphics driver may be hanging: see `localqwq doctor`."
        ) from error
    said = child.stderr.decode("utf-8", "replace")
    if child.returncode:
        how = f"signal {-child.returncode}" if child.returncode < 0 else _first_line(said)
        raise LocalqwqError(
            f"llama.cpp cannot load {path.name} as planned ({how}): offload fewer layers, or "
            "choose another type of KV cache."
        )
    return _parsed(said, child.stdout.decode("utf-8", "replace"))


def _parsed(log: str, names: str) -> Buffers:
    output, kv_cache = (
        sum(_bytes(size) for size in pattern.findall(log)) for pattern in (OUTPUT, KV_CACHE)
    )
    devices = {buffers: device for device, buffers in _DEVICE.findall(names)}
    compute = {devices.get(name, name): _bytes(size) for name, size in RESERVED.findall(log)}
    return Buffers(compute, output, kv_cache)


def _bytes(mebibytes: str) -> int:
    return round(float(mebibytes) * (1 << 20))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
