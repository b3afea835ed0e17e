"""What a conversion tells while it runs and when it is done."""

import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a conversion is."""

    tensor: str
    """The tensor just written."""
    done_bytes: int
    """Bytes of the checkpoint converted so far."""
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Output:
    """One file of a conversion."""

    quant: str
    path: Path
    bytes: int
    sha256: str | None
    """``None`` in a dry run."""
    tensors: int
    bits_per_weight: float
    """Of the tensor data, over all parameters."""


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What a conversion made, or in a dry run would make."""

    architecture: str
    parameters: int
    outputs: tuple[Output, ...]
    seconds: float | None
    """``None`` in a dry run."""
    peak_rss: int | None
    """Largest resident memory of the process in bytes; ``None`` in a dry run."""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        values = asdict(self)
        for output in values["outputs"]:
            output["path"] = str(output["path"])
        return values


def peak_resident_bytes() -> int:
    """Largest resident memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
