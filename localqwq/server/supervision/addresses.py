"""The addresses that server processes listen on."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localqwq.endpoint import Endpoint

_SOCKET_PATH_LIMIT = 100
"""Bytes; a Unix socket's path may have 103 on macOS and 107 on Linux."""


@dataclass(frozen=True, slots=True)
class BindAddress:
    """The address of one server process."""

    arguments: tuple[str, ...]
    """The options that set it."""
    api_key: str | None = None
    """The key that its clients must send."""
    descriptor: int | None = None
    """An open socket that it inherits."""
    directory: Path | None = None
    """The directory of its socket, removed with it."""

    def endpoint(self, url: str) -> Endpoint:
        """Return its endpoint, from the URL that it reports."""
        if self.directory is None:
            return Endpoint.parse(url, self.api_key)
        return Endpoint("http://localhost", uds=str(self.directory / "engine.sock"))

    def remove(self) -> None:
        """Remove everything that belongs to it."""
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)


Binder = Callable[[], BindAddress]
"""Gives each new process an address."""


def private_address() -> BindAddress:
    """Return a Unix socket in a new directory that only this user may enter (0700)."""
    directory = tempfile.mkdtemp(prefix="localqwq-")
    if len(os.fsencode(directory)) + len("/engine.sock") > _SOCKET_PATH_LIMIT:
        Path(directory).rmdir()
        directory = tempfile.mkdtemp(prefix="localqwq-", dir="/tmp")
    path = Path(directory)
    return BindAddress(("--uds", str(path / "engine.sock")), directory=path)
