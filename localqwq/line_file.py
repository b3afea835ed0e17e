"""A file of lines that programs may be killed while writing."""

from pathlib import Path

from localqwq import durable
from localqwq.errors import FileProblem


class LineFile:
    """The whole lines of a file; what a killed program left of the last one is dropped.

    It is cut off when the next line is added, so that reading changes nothing.
    """

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one.

        Raises:
            LocalqwqError: it cannot be read.
        """
        self.path = path
        try:
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise FileProblem(path, f"cannot be read: {error.strerror or error}.") from error
        *self.lines, torn = content.split(b"\n")
        """Without their ends."""
        self._cut = len(content) - len(torn) if torn else None

    def keep(self, count: int) -> None:
        """Drop all lines but the first ``count``, as if the others were not whole."""
        if count < len(self.lines):
            del self.lines[count:]
            self._cut = sum(len(line) + 1 for line in self.lines)

    def add(self, line: bytes) -> None:
        """Append a line and wait until it is on the disk.

        Raises:
            LocalqwqError: the file cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                if self._cut is not None:
                    stream.truncate(self._cut)
                    self._cut = None
                stream.write(line + b"\n")
                stream.flush()
                durable.sync(stream.fileno())
        except OSError as error:
            problem = f"cannot be written: {error.strerror or error}."
            raise FileProblem(self.path, problem) from error
        self.lines.append(line)
