"""How to load a model: the engine's arguments besides the file."""

from dataclasses import dataclass
from typing import Literal

from localqwq.planning.memory import KvType, LoadMode

RopeMode = Literal["auto", "on", "off"]
"""``auto``: scale positions only if the context exceeds the trained length; ``on``: always, as the
model's file says; ``off``: never, so longer contexts are rejected.
"""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """The options shared by all users of the engine: the server's child, Python, the benchmark."""

    context: int
    """Context in tokens, rounded up to 256; concurrent requests share it."""
    longest: int | None = None
    """Tokens that the context may grow to when a conversation needs it; None keeps it fixed."""
    parallel: int = 1
    """Maximum concurrent requests."""
    gpu_layers: int = 0
    """Number of last layers to offload, counting the output layer."""
    devices: tuple[str, ...] | None = None
    """Names of the devices to use; None for all."""
    tensor_split: tuple[float, ...] = ()
    """Layers of each device; empty to divide by free memory."""
    rpc: tuple[str, ...] = ()
    """Addresses of the RPC servers, whose devices come first."""
    repack: bool = True
    """Whether host weights are rearranged for the processor."""
    load_mode: LoadMode = "mmap"
    """How weights get into memory."""
    threads: int | None = None
    """Number of threads; None for one per physical core."""
    batch: int | None = None
    """Maximum tokens of one decode; None for what suits the attention."""
    kv_type: KvType = "f16"
    """Type of the KV cache."""
    flash: bool | None = None
    """Whether to use flash attention; None for what is usual (``planning.attention``)."""
    chat_template: str | None = None
    """Jinja text to use instead of the model's own template; None for its own."""
    rope: RopeMode = "auto"
    """Whether positions may be scaled for contexts beyond the trained length."""
