"""Patterns of the log lines of llama.cpp and ggml that are read; check them with each version.

The lines come from llama.cpp's ``llama-context.cpp``, ``llama-kv-cache.cpp``, ``llama-model.cpp``,
and from ggml's allocators and RPC backend.
"""

import re

BUFFER_MARK = b" buffer size = "
"""A text in every line about a created buffer."""
BUFFER = re.compile(r"(\S+)\s+(model|KV|output|compute) buffer size =\s+([0-9.]+) MiB")
"""A buffer's type, purpose and size."""
RESERVED = re.compile(r"sched_reserve:\s+(\S+)\s+compute buffer size =\s+([0-9.]+) MiB")
"""The size of a graph on a backend, as reserved by a dry load."""
OUTPUT = re.compile(r"llama_context:\s+\S+\s+output buffer size =\s+([0-9.]+) MiB")
"""The size of logits and embeddings."""
KV_CACHE = re.compile(r"llama_kv_cache: size =\s+([0-9.]+) MiB")
"""The size of the whole KV cache."""

SHORTAGE = re.compile(
    r"bad_alloc|MemoryError|out of memory|insufficient memory|likely memory is short"
    r"|(failed to|unable to|cannot) allocate(?!.* pinned memory)|failed to map segment"
    r"|memory allocation of size \d+ failed|OutOf(Device|Host)Memory|can't start new thread"
    r"|GGML_ASSERT\(\S*mem_buffer != NULL\)",
    re.IGNORECASE,
)
"""Messages of C++, Python, ggml, CUDA, Vulkan, the loader and localqwq about failed allocations. A
lack of pinned memory only makes things slower.
"""
DEVICE = re.compile(
    r"^(?!.*OutOfHostMemory).*?(\b|_)(cuda|hip|rocm|sycl|vulkan|vk|metal|mtl|rpc|device)[\w:]*\b|VRAM|DeviceMemory",
    re.IGNORECASE,
)
"""Such messages about a device's memory."""
LOST_SERVER = re.compile(
    r"Remote RPC server crashed|Failed to connect to \S+:\d|RPC handshake failed"
)
"""ggml's messages when it ends its process because of an RPC server."""
