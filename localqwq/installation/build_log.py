"""Parsing the log of a llama.cpp build: its stage, its steps, and why it failed."""

import re
from collections import deque
from collections.abc import Iterable

_STEP = re.compile(r"^\s*\[ *(\d+)(?:/(\d+)|%)\]")
_MISSING = re.compile(r"localqwq: missing (\S+)(?: (\S+))?")
COMPILING = "compiling"
_STAGES = (
    ("Using cached llama_cpp_python", "using the copy that was compiled before"),
    ("Downloading llama_cpp_python", "downloading its source"),
    ("Installing build dependencies", "preparing the build"),
    ("*** Configuring CMake", "configuring"),
    ("*** Installing project", "packing"),
)
_CAUSES = (
    (re.compile(r"No space left on device"), "the disk is full: free some 2 GB, or set TMPDIR"),
    (
        re.compile(r"Killed signal terminated program|fatal error: Killed|signal 9 \[Killed\]"),
        "the compiler ran out of memory: run it again with CMAKE_BUILD_PARALLEL_LEVEL=1",
    ),
    (
        re.compile(
            r"No matching distribution|NewConnectionError|Temporary failure in name resolution"
            r"|NameResolutionError|ConnectTimeoutError|Max retries exceeded|ReadTimeoutError"
        ),
        "the package registry could not be reached: check the network, then run it again",
    ),
)
_ERROR = re.compile(r"\berror\b[: ]|CMake Error|FAILED:", re.IGNORECASE)


class BuildLog:
    """Follow the lines of ``pip wheel -v``."""

    def __init__(self) -> None:
        """Begin before the first line."""
        self.stage = "starting"
        """The current stage in a few words."""
        self.done = 0
        """Number of compiler steps begun."""
        self.total = 0
        """Number of steps; 0 before compilation."""
        self.missing: tuple[str, str] | None = None
        """The part that ``llama.cmake`` did not find, and its version if known."""
        self._cause = ""
        self._errors: deque[str] = deque(maxlen=12)
        self._last: deque[str] = deque(maxlen=12)

    def feed(self, line: str) -> None:
        """Add the next line."""
        self._last.append(line.rstrip())
        step = _STEP.match(line)
        if step:
            self._take_step(int(step[1]), int(step[2] or 100))
            return
        self.stage = next((stage for words, stage in _STAGES if words in line), self.stage)
        if found := _MISSING.search(line):
            self.missing = found[1], found[2] or ""
        self._cause = self._cause or next(
            (cause for pattern, cause in _CAUSES if pattern.search(line)), ""
        )
        if _ERROR.search(line):
            self._errors.append(line.rstrip())

    def _take_step(self, done: int, total: int) -> None:
        # Nested builds, such as the shader compiler's, count their own, fewer steps; so does the
        # check that may precede the build.
        if total >= self.total:
            before = self.done if total == self.total else 0
            self.stage, self.done, self.total = COMPILING, max(done, before), total

    @property
    def cause(self) -> str:
        """Return a known reason with its way out; empty if the reason is unknown."""
        return self._cause

    def evidence(self) -> Iterable[str]:
        """Return the lines that best explain a failure."""
        return tuple(self._errors or self._last)


def seconds_left(done: int, total: int, elapsed: float) -> float | None:
    """Estimate the remaining seconds of a build from its steps so far, which took ``elapsed``.

    llama.cpp's files differ in size, but the large ones are spread over the build. ``None`` if it
    is too early.
    """
    if not 0 < done <= total or (done < 4 and elapsed < 10):
        return None
    return elapsed * (total - done) / done


def readable_time(seconds: float) -> str:
    """Return a duration for people: ``40 s``, ``2 min``."""
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{round(seconds / 60)} min"
