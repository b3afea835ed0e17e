"""Programs that run once from start to end, and what they needed: ours, and llama.cpp's."""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from localqwq.errors import LocalqwqError


@dataclass(frozen=True, slots=True)
class Run:
    """What one run needed, its children included."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    """Of the largest process."""
    output: str
    """What it wrote, to stdout and stderr."""


def ours(*arguments: str) -> Run:
    """Run a command of localqwq."""
    return timed([sys.executable, "-P", "-m", "localqwq", *arguments], os.environ)


def theirs(folder: Path, program: str, *arguments: str) -> Run:
    """Run a program of llama.cpp that was built in ``folder``, with its libraries."""
    command = [str(folder / program), *arguments]
    return timed(command, os.environ | {"LD_LIBRARY_PATH": str(folder)})


def timed(command: Sequence[str], environment: "os._Environ[str] | dict[str, str]") -> Run:
    """Run a program to its end.

    Raises:
        LocalqwqError: it failed.
    """
    began = perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read().decode("utf-8", "replace")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LocalqwqError(f"{command[0]} failed: {output.strip()[-300:]}")
    return Run(perf_counter() - began, used.ru_utime + used.ru_stime, _peak(used), output)


def _peak(used: resource.struct_rusage) -> int:
    # In bytes on macOS, and in KiB elsewhere (getrusage(2)).
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
