"""The child of :mod:`localqwq.engine.probing.dry_load`, which has llama.cpp build its graphs."""

import ctypes
import json
import sys
from collections.abc import Mapping
from typing import Any

from localqwq.engine.llama.context import flash_type
from localqwq.engine.llama.device_handles import buffer_names, device_list
from localqwq.engine.llama.library import binding
from localqwq.engine.rpc.client import add
from localqwq.errors import LocalqwqError

_ERROR = 4  # of enum ggml_log_level
_GGML_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}  # enum ggml_type
_LOAD_WITHOUT_MMAP = 0  # LLAMA_LOAD_MODE_NONE: nothing may be mapped for a dry load


def _run(order: Mapping[str, Any]) -> int:
    """Run the dry load in this process; llama.cpp's log goes to stderr, only its errors on
    failure.
    """
    llama = binding()
    lines: list[tuple[int, str]] = []

    def keep(level: int, text: bytes, _data: Any) -> None:
        lines.append((level, text.decode("utf-8", "replace")))

    callback = llama.llama_log_callback(keep)
    llama.llama_log_set(callback, ctypes.c_void_p(0))
    add(order["rpc"])
    done = _make(llama, order)
    sys.stderr.write("".join(text for level, text in lines if done or level == _ERROR))
    return 0 if done else 1


def _make(llama: Any, order: Mapping[str, Any]) -> bool:
    params = llama.llama_model_default_params()
    params.no_alloc = True
    params.load_mode = _LOAD_WITHOUT_MMAP
    params.use_extra_bufts = order["repack"]
    params.n_gpu_layers = order["gpu_layers"]
    devices = device_list(order["devices"])
    for name, buffers in buffer_names(order["devices"]).items():
        print(f"device {name} has buffers {buffers}")
    params.devices = ctypes.cast(devices, ctypes.c_void_p)
    split = (ctypes.c_float * llama.llama_max_devices())(*order["tensor_split"])
    params.tensor_split = split
    model = llama.llama_model_load_from_file(order["path"].encode(), params)
    if not model:
        return False
    settings = llama.llama_context_default_params()
    settings.n_ctx = order["context"]
    settings.n_batch = settings.n_ubatch = order["batch"]
    settings.n_seq_max = settings.n_outputs_max = order["sequences"]
    settings.kv_unified = True
    settings.flash_attn_type = flash_type(order["kv_type"], flash=order["flash"])
    settings.type_k = settings.type_v = _GGML_TYPES[order["kv_type"]]
    return bool(llama.llama_init_from_model(model, settings))


if __name__ == "__main__":
    try:
        sys.exit(_run(json.loads(sys.argv[1])))
    except LocalqwqError as error:
        sys.exit(str(error))
