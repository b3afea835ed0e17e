"""The files of one output: written under hidden names, and visible together once complete.

``.<name>-<QUANT>.journal`` beside them records the progress, in case the process is killed.
"""

import contextlib
import os
from pathlib import Path
from typing import Self

from localqwq.durable import sync
from localqwq.errors import LocalqwqError
from localqwq_convert.header import padding
from localqwq_convert.journal import Journal
from localqwq_convert.partial import PartialFile, hidden_path, readable_errors
from localqwq_convert.plan import PlannedOutput
from localqwq_convert.resume import Position, find_position


class OutputWriter:
    """Write one output, tensor by tensor; :meth:`commit` gives its files their names.

    A context manager: on exit, uncommitted files are removed, or with ``resume`` kept for another
    call to continue.
    """

    def __init__(self, output: PlannedOutput, fingerprint: str, *, resume: bool = False) -> None:
        """Prepare to write; nothing happens before the context is entered.

        Args:
            output: what to write.
            fingerprint: changes with everything that the content depends on.
            resume: whether to continue what an earlier call left unfinished.
        """
        self.output = output
        self.finished = 0
        """Number of tensors written."""
        self.hashes: list[str] = []
        """SHA-256 of every complete file."""
        self._fingerprint = fingerprint
        self._resume = resume
        self._journal = Journal(output.journal)
        self._file: PartialFile | None = None
        self._position = Position()
        self._committed = False

    def __enter__(self) -> Self:
        """Begin or resume.

        Raises:
            LocalqwqError: another process writes the same output, or existing data is of another
                one.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._journal)
            digests = self._unfinished() if self._resume else None
            stack.callback(self._leave)
            if digests is None:
                self._remove_leftovers()
                self._journal.begin(self._fingerprint)
            else:
                self._position = find_position(self.output, digests)
                self.finished = self._position.tensors
                self.hashes = list(self._position.hashes)
                self._journal.keep(self._fingerprint, self.finished)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @property
    def missing_bytes(self) -> int:
        """Return the bytes still to be written."""
        return self.output.bytes - self._position.bytes

    def write(self, data: bytes | memoryview) -> None:
        """Append data of the next tensor.

        Raises:
            LocalqwqError: the disk is full, or a file cannot be written.
        """
        (self._file or self._begin_file()).write(data)

    def finish_tensor(self) -> None:
        """Record that a tensor's data is complete."""
        file = self._file or self._begin_file()
        file.write(bytes(padding(self.output.tensors[self.finished].bytes)))
        self._journal.add(file.sha256)
        self.finished += 1
        if self.finished == self._end_of_file():
            file.close()
            self.hashes.append(file.sha256)
            self._file = None

    def sync(self) -> None:
        """Wait until all files are on the disk."""
        for file in self.output.files:
            PartialFile(file.path).sync()

    def commit(self) -> None:
        """Give the files their names, replacing existing ones, the first one last.

        A loader starts from the first part: without it there is no model.
        """
        paths = [file.path for file in self.output.files]
        if len(paths) > 1:
            with readable_errors(paths[0]):
                paths[0].unlink(missing_ok=True)
        for path in reversed(paths):
            PartialFile(path).publish()
        _sync_directory(self.output.journal.parent)
        self._committed = True

    def _unfinished(self) -> list[str] | None:
        """Return the journal's tensors, if it is for this very output."""
        noted = self._journal.read()
        if noted is None:
            return None
        fingerprint, digests = noted
        if fingerprint != self._fingerprint:
            raise LocalqwqError(
                f"Cannot resume {self.output.files[0].path}: it was started from another "
                "checkpoint, with other options or by another version; convert without --resume "
                "to start over."
            )
        return digests

    def _begin_file(self) -> PartialFile:
        index = len(self.hashes)
        planned = self.output.files[index]
        file = PartialFile(planned.path)
        position = self._position
        if index == len(position.hashes) and position.size:
            file.reopen(position.size, position.digest)
        else:
            file.create()
            for piece in planned.header:
                file.write(piece)
        self._file = file
        return file

    def _end_of_file(self) -> int:
        return sum(len(file.tensors) for file in self.output.files[: len(self.hashes) + 1])

    def _leave(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._committed:
            self._journal.remove()
        elif not (self._resume and self.finished):
            self._remove_leftovers()
            self._journal.remove()

    def _remove_leftovers(self) -> None:
        """Delete hidden files of this output, however it was split when they were begun."""
        for path in leftovers(self.output):
            with contextlib.suppress(OSError):
                path.unlink()


def leftovers(output: PlannedOutput) -> list[Path]:
    """Return existing hidden files of an output, however it was split."""
    directory, digit = output.journal.parent, "[0-9]"
    parts = f".{output.stem}-{digit * 5}-of-{digit * 5}.gguf.partial"
    whole = hidden_path(directory / f"{output.stem}.gguf")
    return [*directory.glob(parts), *([whole] if whole.is_file() else [])]


def _sync_directory(directory: Path) -> None:
    """Wait until the names are on the disk."""
    with readable_errors(directory):
        handle = os.open(directory, os.O_RDONLY)
        try:
            sync(handle)
        finally:
            os.close(handle)
