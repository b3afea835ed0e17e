"""Asking llama.cpp for its devices in a child process, since a broken driver may crash it."""

import subprocess
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from localqwq import children

TIME_LIMIT_S = 20.0
COMMAND = tuple(children.command(children.Child.DEVICES))


class ReportedDevice(BaseModel):
    """One device as llama.cpp names it; memory in bytes."""

    name: str
    description: str
    type: str
    free: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)]
    pipelines: bool = True
    largest_tensor: int | None = None


class Report(BaseModel):
    """The output of ``python -m localqwq.engine.probing.devices``."""

    llama_cpp: str | None = None
    backends: list[str] = []
    devices: list[ReportedDevice] = []
    gpu_offload: bool = False
    cpu_buffers: list[str] = []
    problems: list[str] = []


def probe(
    command: tuple[str, ...] = COMMAND, time_limit: float = TIME_LIMIT_S
) -> tuple[Report, str | None]:
    """Return the child's report, and a sentence about what went wrong or ``None``."""
    try:
        child = children.run(list(command), timeout=time_limit)
    except subprocess.TimeoutExpired:
        return Report(), (
            f"llama.cpp did not list its devices within {time_limit:.0f} seconds, so only the "
            "processor is used; a graphics driver may be hanging."
        )
    except OSError as error:
        return Report(), f"Python could not be started to list the devices: {error.strerror}."
    if child.returncode:
        return Report(), f"llama.cpp could not list its devices: {_last_words(child)}."
    try:
        return Report.model_validate_json(child.stdout), None
    except ValidationError:
        return Report(), "llama.cpp's list of devices could not be parsed."


def _last_words(child: "subprocess.CompletedProcess[bytes]") -> str:
    if child.returncode < 0:
        return f"the process that asked was ended by signal {-child.returncode}"
    lines = child.stderr.decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return said.rstrip(".") or f"exit code {child.returncode}"
