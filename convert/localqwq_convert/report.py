"""Progress and result of a conversion."""

import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a conversion."""

    tensor: str
    """The tensor written last, or a part of it."""
    done_bytes: int
    """Bytes of the checkpoint converted so far."""
    total_bytes: int
    skipped_bytes: int
    """The part of ``done_bytes`` converted by an earlier call, which does not count for the
    speed.
    """


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file of an output."""

    path: Path
    bytes: int
    sha256: str | None
    """Its hash; ``None`` in a dry run."""


@dataclass(frozen=True, slots=True)
class Output:
    """A model in one quantization."""

    quant: str
    parts: tuple[OutputFile, ...]
    """Its files, the first one first; only one unless it is split."""
    tensors: int
    tensor_bytes: int
    """Size of the tensor data alone, without padding and headers."""
    bits_per_weight: float
    """Bits of tensor data per parameter."""

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
        """SHA-256 of the first file; ``None`` in a dry run."""
        return self.parts[0].sha256

    def as_dict(self) -> dict[str, Any]:
        """Return the output as plain values, for JSON."""
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
    """The result of a conversion, or of a dry run."""

    architecture: str
    parameters: int
    outputs: tuple[Output, ...]
    seconds: float | None
    """Duration; ``None`` in a dry run."""
    peak_rss: int | None
    """Peak resident memory of the process in bytes; ``None`` in a dry run."""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "architecture": self.architecture,
            "parameters": self.parameters,
            "outputs": [output.as_dict() for output in self.outputs],
            "seconds": self.seconds,
            "peak_rss": self.peak_rss,
        }


def peak_resident_bytes() -> int:
    """Return the peak resident memory of this process in bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    # Linux also counts in ``ru_maxrss`` what the process had before it became this program.
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
