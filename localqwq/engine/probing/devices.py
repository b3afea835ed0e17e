"""Print the devices that llama.cpp can compute on, as one JSON document.

Run it as a separate process (``Child.DEVICES``), since a broken GPU driver can end it. Arguments
are addresses of RPC servers whose devices are included.
"""

import ctypes
import json
import sys
from collections.abc import Sequence

from localqwq.codec import encode
from localqwq.engine.llama.library import binding, ggml_function
from localqwq.engine.llama.version import llama_version
from localqwq.engine.probing.repack_buffers import cpu_buffer_types
from localqwq.engine.probing.tensor_limit import tensor_limit
from localqwq.engine.rpc.client import add, answering
from localqwq.errors import LocalqwqError
from localqwq.hardware.probe import Report, ReportedDevice

_TYPES = ("CPU", "GPU", "IGPU", "ACCEL", "META")  # enum ggml_backend_dev_type
_OFFLOADING = ("GPU", "IGPU")
_POINTER, _TEXT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t


class _Properties(ctypes.Structure):
    """``struct ggml_backend_dev_props``, with its capabilities at the end."""

    _fields_ = (
        ("name", _TEXT),
        ("description", _TEXT),
        ("free", _SIZE),
        ("total", _SIZE),
        ("type", ctypes.c_int),
        ("id", _TEXT),
        ("is_asynchronous", ctypes.c_bool),
        ("has_host_buffer", ctypes.c_bool),
        ("takes_host_pointers", ctypes.c_bool),
        ("has_events", ctypes.c_bool),
        ("can_map_files", ctypes.c_bool),
        ("later_ones", ctypes.c_byte * 64),
    )


def describe(servers: Sequence[str] = ()) -> Report:
    """Return backends and devices, including those of reachable RPC ``servers``; memory in bytes.

    ggml reports all memory of the CPU as free: use the machine's own figure instead.
    """
    binding()
    usable, problems = answering(servers)
    add(usable)
    registry = ggml_function("ggml_backend_reg_get", _POINTER, _SIZE)
    name_of = ggml_function("ggml_backend_reg_name", _TEXT, _POINTER)
    registries = ggml_function("ggml_backend_reg_count", _SIZE)()
    names = [name_of(registry(index)).decode() for index in range(registries)]
    device = ggml_function("ggml_backend_dev_get", _POINTER, _SIZE)
    count = ggml_function("ggml_backend_dev_count", _SIZE)()
    devices = [_device(device(index)) for index in range(count)]
    return Report(
        llama_version(),
        [name for name in names if "[" not in name],  # nor each server: RPC[host:port]
        devices,
        # llama.cpp itself claims support in every build with RPC.
        gpu_offload=any(device.type in _OFFLOADING for device in devices),
        cpu_buffers=list(cpu_buffer_types()),
        problems=problems,
    )


def _device(handle: int) -> ReportedDevice:
    found = _Properties()
    describe_it = ggml_function("ggml_backend_dev_get_props", None, _POINTER, _POINTER)
    describe_it(handle, ctypes.byref(found))
    kind = _TYPES[found.type]
    return ReportedDevice(
        found.name.decode(),
        found.description.decode(),
        kind,
        found.free,
        found.total,
        pipelines=found.is_asynchronous and found.has_events,
        # An RPC server does not say what its devices refuse.
        largest_tensor=tensor_limit(handle, found.total) if kind in _OFFLOADING else None,
    )


def _main() -> int:
    try:
        print(json.dumps(encode(describe(sys.argv[1:]))))
    except LocalqwqError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
