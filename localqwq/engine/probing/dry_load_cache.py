"""Cached dry loads, so that no start pays for the same one twice."""

import hashlib
import json
from pathlib import Path

from localqwq.codec import Malformed, decoder, encode
from localqwq.engine.probing.dry_load import TIME_LIMIT_S, Buffers, dry_load, order_of
from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq.gguf.split import part_paths
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Machine
from localqwq.planning.plan import Plan

_CACHE_FILE = "dry-loads"
_to_buffers = decoder(Buffers)


def known_load(plan: Plan, machine: Machine, time_limit: float = TIME_LIMIT_S) -> Buffers:
    """Return the result of :func:`dry_load`, from the cache if possible.

    The cache key has the files' sizes and times, everything that llama.cpp is told, its build, and
    the devices used. Raises what :func:`dry_load` raises; errors are never cached.
    """
    known = earlier_load(plan, machine)
    if known is not None:
        return known
    path = Path(plan.facts.path)
    buffers = dry_load(path, plan, time_limit, machine.rpc_servers)
    CacheFile(_CACHE_FILE).write(_key(path, plan, machine), encode(buffers))
    return buffers


def earlier_load(plan: Plan, machine: Machine) -> Buffers | None:
    """Return what a dry load of the same has said before; ``None`` where there was none."""
    answers = CacheFile(_CACHE_FILE).read()
    if not answers:
        return None
    try:
        known = answers.get(_key(Path(plan.facts.path), plan, machine))
        found: Buffers | None = None if known is None else _to_buffers(known)
    except (OSError, LocalqwqError):  # there is no such file yet
        return None
    except Malformed:  # another version wrote it, or a person did
        return None
    return found


def _key(path: Path, plan: Plan, machine: Machine) -> str:
    parts = [part.stat() for part in part_paths(path, read_header(path))]
    used = {load.name for load in plan.devices if load.layers}
    same = {
        "order": order_of(path, plan, machine.rpc_servers),
        "files": [(part.st_size, part.st_mtime_ns) for part in parts],
        "build": (machine.llama_cpp, machine.backends),
        "devices": [
            (device.name, device.description, device.total)
            for device in machine.devices
            if device.name in used
        ],
    }
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
