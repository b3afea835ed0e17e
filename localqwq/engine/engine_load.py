"""What the engine's process loads, and how."""

from dataclasses import dataclass, field
from pathlib import Path

from localqwq.engine.load_options import LoadOptions
from localqwq.engine.probing.residuals import Expected
from localqwq.engine.states.limits import StateLimits


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """One model and its options, complete: the process plans nothing itself."""

    model: Path
    """The GGUF file."""
    name: str
    """The model's name in messages."""
    options: LoadOptions
    states: Path | None = None
    """The directory for KV states; None keeps none on disk."""
    state_limits: StateLimits = field(default_factory=StateLimits)
    expected: tuple[Expected, ...] = ()
    """The planned bytes per place, which are compared with llama.cpp's buffers."""
