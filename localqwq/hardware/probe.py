"""Asking llama.cpp for its devices in a child process, since a broken driver may crash it."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

from localqwq import children
from localqwq.codec import Malformed, decoder

TIME_LIMIT_S = 20.0
COMMAND = tuple(children.command(children.Child.DEVICES))


@dataclass(frozen=True, slots=True)
class ReportedDevice:
    """One device as llama.cpp names it; memory in bytes."""

    name: str
    description: str
    type: str
    free: int
    total: int
    pipelines: bool = True
    largest_tensor: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """llama.cpp's version, backends and devices."""

    llama_cpp: str | None = None
    backends: list[str] = field(default_factory=list)
    devices: list[ReportedDevice] = field(default_factory=list)
    gpu_offload: bool = False
    cpu_buffers: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


Found = tuple[Report, str | None]
"""A report, and a sentence about what went wrong, if anything did."""
_to_report = decoder(Report)


def probe(command: tuple[str, ...] = COMMAND, time_limit: float = TIME_LIMIT_S) -> Found:
    """Return the report of a child process, and a sentence about what went wrong or ``None``."""
    try:
        child = children.run(list(command), timeout=time_limit)
    except subprocess.TimeoutExpired:
        return Report(), too_late(time_limit)
    except OSError as error:
        return Report(), f"Python could not be started to list the devices: {error.strerror}."
    if child.returncode:
        return Report(), ended(child.returncode, child.stderr)
    try:
        return _to_report(json.loads(child.stdout)), None
    except (Malformed, ValueError):
        return Report(), "llama.cpp's list of devices could not be parsed."


def too_late(seconds: float) -> str:
    """Return the sentence about a process that did not list the devices in time."""
    return (
        f"llama.cpp did not list its devices within {seconds:.0f} seconds, so only the "
        "processor is used; a graphics driver may be hanging."
    )


def ended(code: int, said: bytes) -> str:
    """Return the sentence about a process that ended instead; ``said``: what is on its stderr."""
    return f"llama.cpp could not list its devices: {_last_words(code, said)}."


def _last_words(code: int, said: bytes) -> str:
    if code < 0:
        return f"the process that asked was ended by signal {-code}"
    lines = said.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last.rstrip(".") or f"exit code {code}"


_others: list[Callable[[], Found | None]] = []


def ask_first(other: Callable[[], Found | None]) -> None:
    """Have a process asked that has llama.cpp loaded anyway; ``None``: there is none just now."""
    _others[:] = [other]


def asked() -> Found | None:
    """Return what that process answers; ``None`` if there is none."""
    return next((found for ask in _others if (found := ask()) is not None), None)
