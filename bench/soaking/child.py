"""The server as a process of its own, and what it takes from the system."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch

_ANNOUNCEMENT = "listening on "
_EXPECTED = re.compile(
    r"Invalid HTTP request received\.|A request has the field .*, which is unknown and ignored\."
    r"|A request has the tool .*, which only the API's provider has; it was left out\."
)
END_S = 15.0
"""In which it has to end when it is told to."""
_RETURNED = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 20)}
"""Has glibc give back what is freed. As it is, each thread's heap stays as large as the largest
bodies have once made it, and a leak would hardly be seen among some 200 MiB of that."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a server takes when nothing runs."""

    resident: int
    """Bytes, the template process included."""
    threads: int
    descriptors: int
    children: int


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.port = port
        self._process = process
        self._watched = psutil.Process(process.pid)
        self._log = log

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def footprint(self) -> Footprint:
        """What it takes now."""
        children = self._watched.children(recursive=True)
        everyone = [self._watched, *children]
        return Footprint(
            resident=sum(process.memory_info().rss for process in everyone),
            threads=self._watched.num_threads(),
            descriptors=self._watched.num_fds(),
            children=len(children),
        )

    def end(self) -> list[str]:
        """Tell it to end; what is left of it, or was wrong, afterwards."""
        children = self._watched.children(recursive=True)
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return [f"it did not end within {END_S:g} s"]
        problems = [] if code == 0 else [f"it ended with {code}"]
        _, left = psutil.wait_procs(children, timeout=END_S)
        problems += [f"it left the process {' '.join(child.cmdline())}" for child in left]
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            problems.append("its port is still open")
        return problems

    def said(self) -> str:
        """What it has written to stderr, beside words for what is no HTTP or no known field."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if not _EXPECTED.fullmatch(line))


@contextmanager
def serving(
    model: Path, directory: Path, context: int, longest: int, parallel: int
) -> Iterator[Server]:
    """A server that answers; its states and its log go into ``directory``.

    ``context`` in tokens, which may grow to ``longest``; ``parallel``: requests at once.
    """
    # A second thread would only wait with a model that small.
    load = LoadOptions(context=context, longest=longest, parallel=parallel, threads=1)
    launch = Launch(model, model.stem, load, states=directory / "states")
    command = [sys.executable, "-m", "localqwq.server", launch.as_json(), "--port", "0"]
    command += ["--responses", str(directory / "responses.sqlite")]
    log = directory / "stderr.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | _RETURNED | {"LOCALQWQ_API_KEY": ""},
        ) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline().decode()
            if not line.startswith(_ANNOUNCEMENT):
                raise RuntimeError(f"The server did not start: {log.read_text()}")
            yield Server(process, int(line.rpartition(":")[2]), log)
        finally:
            process.kill()


def stored_bytes(directory: Path) -> int:
    """Bytes of the states on disk; once the server has ended, of those that it had in RAM, too."""
    return sum(path.stat().st_size for path in (directory / "states").rglob("*") if path.is_file())
