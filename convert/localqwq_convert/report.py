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
    """The tensor that was written last, or a part of it."""
    done_bytes: int
    """Bytes of the checkpoint that are converted."""
    total_bytes: int
    skipped_bytes: int
    """Of ``done_bytes``, what an earlier call had converted: no part of this one's speed."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file of an output."""

    path: Path
    bytes: int
    sha256: str | None
    """``None`` in a dry run."""


@dataclass(frozen=True, slots=True)
class Output:
    """A model in one quantization."""

    quant: str
    parts: tuple[OutputFile, ...]
    """Its files, the first one first; one unless it was split."""
    tensors: int
    tensor_bytes: int
    """Size of the tensors' data alone, without padding and headers."""
    bits_per_weight: float
    """Of the tensors' data, over all parameters."""

    @property
    def path(self) -> Path:
        """The file to load: llama.cpp finds further parts by itself."""
        return self.parts[0].path

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(part.bytes for part in self.parts)

    @property
    def sha256(self) -> str | None:
        """Of the first file; ``None`` in a dry run."""
        return self.parts[0].sha256

    def as_dict(self) -> dict[str, Any]:
        """The output as plain values, for JSON."""
        return {
            "quant": self.quant,
            "path": str(self.path),
            "bytes": self.bytes,
            "sha256": self.sha256,
            "tensors": self.tensors,
            "tensor_bytes": self.tensor_bytes,
            "bits_per_weight": self.bits_per_weight,
            "parts": [asdict(part) | {"path": str(part.path)} for part in self.parts],
        }


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
        return {
            "architecture": self.architecture,
            "parameters": self.parameters,
            "outputs": [output.as_dict() for output in self.outputs],
            "seconds": self.seconds,
            "peak_rss": self.peak_rss,
        }


def peak_resident_bytes() -> int:
    """Largest resident memory that this process ever had, in bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    # Linux counts in ``ru_maxrss`` what the process had before it became this program, too.
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
