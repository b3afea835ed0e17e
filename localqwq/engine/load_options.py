"""How a model is loaded: all that the engine is told beside the file."""

from dataclasses import dataclass

from localqwq.engine.rope import RopeMode
from localqwq.planning.load_mode import LoadMode
from localqwq.planning.memory import KvType


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """One document for every way to an engine: the server's child, Python, the benchmark."""

    context: int
    """Tokens, rounded up to 256; all requests that run at once share them."""
    longest: int | None = None
    """Tokens that the context may grow to where a conversation needs it; None: it stays."""
    parallel: int = 1
    """Requests that are answered at once."""
    gpu_layers: int = 0
    """So many of the last layers go to devices, the output counted as one."""
    devices: tuple[str, ...] | None = None
    """Names of the devices to use; None: all that there are."""
    tensor_split: tuple[float, ...] = ()
    """Layers of each of them; empty: by their free memory."""
    rpc: tuple[str, ...] = ()
    """Addresses of the RPC servers whose devices come first among those."""
    repack: bool = True
    """Whether weights on the host are rearranged for the processor."""
    load_mode: LoadMode = "mmap"
    """How weights get into memory."""
    threads: int | None = None
    """None: one per physical core."""
    batch: int | None = None
    """Most tokens of one decode; None: what suits the attention."""
    kv_type: KvType = "f16"
    """What the KV cache is stored in."""
    chat_template: str | None = None
    """The Jinja text that takes the place of the model's own template; None: it stays."""
    rope: RopeMode = "auto"
    """Whether positions may be scaled for contexts beyond the original one."""
