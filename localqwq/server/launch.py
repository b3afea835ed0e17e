"""What a server process loads, and how."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from localqwq.engine.context import KvType
from localqwq.engine.rope import RopeMode


@dataclass(frozen=True, slots=True)
class Launch:
    """What a server process loads, and how; its values are flags of ``python -m``."""

    model: Path
    """The GGUF file."""
    name: str
    """The model's id for clients, such as ``demo:Q8_0``."""
    context: int
    """Tokens."""
    gpu_layers: int
    threads: int | None
    """``None`` leaves the number to the engine."""
    tensor_split: tuple[int, ...] = ()
    """Layers of each device; empty: by their free memory."""
    repack: bool = True
    """Whether weights on the host are rearranged for the processor."""
    parallel: int = 4
    """Requests that are answered at once; they share the context."""
    longest: int | None = None
    """Tokens that the context may grow to; ``None``: it stays as it is."""
    rope: RopeMode = "auto"
    """Whether positions may be scaled for contexts beyond the original one."""
    kv_type: KvType = "f16"
    """What the KV cache is kept in."""
    states: Path | None = None
    """The directory for KV states; ``None`` keeps none on disk."""

    def with_context(self, context: int) -> Self:
        """The same with so many tokens of context, and no more than those."""
        return replace(self, context=context, longest=context)

    def arguments(self) -> list[str]:
        """The command line of ``python -m localqwq.server`` that loads this."""
        values = {
            "--model": self.model.absolute(),
            "--name": self.name,
            "--ctx": self.context,
            "--gpu-layers": self.gpu_layers,
            "--tensor-split": ",".join(map(str, self.tensor_split)) or None,
            "--repack": int(self.repack),
            "--threads": self.threads,
            "--parallel": self.parallel,
            "--longest": self.longest,
            "--rope": self.rope,
            "--kv": self.kv_type,
            "--states": None if self.states is None else self.states.absolute(),
        }
        return [
            word
            for flag, value in values.items()
            if value is not None
            for word in (flag, str(value))
        ]
