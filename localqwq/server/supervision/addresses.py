"""The address of a server for this process alone."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from localqwq.endpoint import Endpoint

_SOCKET_PATH_LIMIT = 100
"""Bytes; a Unix socket's path may have 103 on macOS and 107 on Linux."""


@dataclass(frozen=True, slots=True)
class PrivateAddress:
    """A Unix socket in a directory that only this user may enter (0700)."""

    directory: Path

    @classmethod
    def new(cls) -> Self:
        """Return one in a new directory."""
        directory = tempfile.mkdtemp(prefix="localqwq-")
        if len(os.fsencode(directory)) + len("/engine.sock") > _SOCKET_PATH_LIMIT:
            Path(directory).rmdir()
            directory = tempfile.mkdtemp(prefix="localqwq-", dir="/tmp")
        return cls(Path(directory))

    @property
    def socket(self) -> Path:
        """The path of the socket."""
        return self.directory / "engine.sock"

    @property
    def endpoint(self) -> Endpoint:
        """What clients connect to."""
        return Endpoint("http://localhost", uds=str(self.socket))

    def remove(self) -> None:
        """Remove the directory and everything in it."""
        shutil.rmtree(self.directory, ignore_errors=True)
