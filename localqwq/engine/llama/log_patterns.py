"""What llama.cpp and ggml say in their log, as far as we read it: to be checked with each version.

The lines are llama.cpp's own, of `llama-context.cpp`, `llama-kv-cache.cpp`, `llama-model.cpp`, and
of ggml's allocators and its RPC backend.
"""

import re

BUFFER_MARK = b" buffer size = "
"""In every line about a buffer that was made."""
BUFFER = re.compile(r"(\S+)\s+(model|KV|output|compute) buffer size =\s+([0-9.]+) MiB")
"""The buffer's type, what it is for, and its size."""
RESERVED = re.compile(r"sched_reserve:\s+(\S+)\s+compute buffer size =\s+([0-9.]+) MiB")
"""What a graph takes on a backend, as a dry load reserves it."""
OUTPUT = re.compile(r"llama_context:\s+\S+\s+output buffer size =\s+([0-9.]+) MiB")
"""What logits and embeddings take."""
KV_CACHE = re.compile(r"llama_kv_cache: size =\s+([0-9.]+) MiB")
"""All of a KV cache."""

SHORTAGE = re.compile(
    r"bad_alloc|MemoryError|out of memory|insufficient memory|likely memory is short"
    r"|(failed to|unable to|cannot) allocate(?!.* pinned memory)|failed to map segment"
    r"|memory allocation of size \d+ failed|OutOf(Device|Host)Memory|can't start new thread"
    r"|GGML_ASSERT\(\S*mem_buffer != NULL\)",
    re.IGNORECASE,
)
"""What C++, Python, ggml, CUDA, Vulkan, the loader and we say when an allocation fails. Without
pinned memory things go on, more slowly."""
DEVICE = re.compile(
    r"^(?!.*OutOfHostMemory).*?(\b|_)(cuda|hip|rocm|sycl|vulkan|vk|metal|mtl|rpc|device)[\w:]*\b|VRAM|DeviceMemory",
    re.IGNORECASE,
)
"""What the same say where the memory was a device's."""
LOST_SERVER = re.compile(
    r"Remote RPC server crashed|Failed to connect to \S+:\d|RPC handshake failed"
)
"""What ggml says when it ends its process because of an RPC server."""
