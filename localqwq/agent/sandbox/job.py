"""What is run in the sandbox, with which rights and limits, and what came of it; plain values."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Self

BackendName = Literal["bubblewrap", "landlock", "seatbelt"]
EndedFor = Literal["", "time", "memory", "processes", "output", "disk", "stopped"]
"""The limit for which a program was ended; ``stopped``: nobody wants it any more."""

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one program and everything that it starts."""

    seconds: float | None = 60.0
    """None for a server, which ends when it is no longer wanted."""
    memory: int = 1024 * MIB
    """Bytes of all its processes together, and of each one's address space; of a server's, which
    may reserve more than it uses, the data of each one.
    """
    processes: int = 64
    disk: int = 512 * MIB
    """Bytes of a file, and of all files in the scratch folder."""
    output: int = MIB
    """Bytes that it may write to stdout and stderr together."""


@dataclass(frozen=True, slots=True)
class Job:
    """A program, and what it may use."""

    words: tuple[str, ...]
    """The command; its first word is an absolute path."""
    backend: BackendName
    scratch: Path
    """Its home and temporary folder: the only place that it may always write."""
    read: tuple[Path, ...] = ()
    """Folders and files that it may read, besides the system's programs and libraries."""
    write: tuple[Path, ...] = ()
    """Folders that it may write."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables besides the usual ones; nothing is inherited."""
    limits: Limits = Limits()
    user: int | None = None
    """The user to become, if this is root."""
    folder: Path | None = None
    """Its working directory; None, or one that it cannot enter: the scratch folder."""
    network: bool = False
    """Whether it may use the network, which includes the ports of this machine."""

    def as_json(self) -> str:
        """Return the job for the supervisor."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the job that :meth:`as_json` wrote."""
        values = json.loads(text)
        return cls(
            words=tuple(values["words"]),
            backend=values["backend"],
            scratch=Path(values["scratch"]),
            folder=Path(values["folder"]) if values["folder"] else None,
            read=tuple(map(Path, values["read"])),
            write=tuple(map(Path, values["write"])),
            environment=values["environment"],
            limits=Limits(**values["limits"]),
            user=values["user"],
            network=values["network"],
        )

    def place(self) -> Path:
        """Return its working directory, as whoever runs this can enter it."""
        folder = self.folder
        return folder if folder is not None and os.access(folder, os.X_OK) else self.scratch

    def variables(self) -> dict[str, str]:
        """Return the whole environment of the program."""
        scratch = str(self.scratch)
        usual = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": scratch,
            "TMPDIR": scratch,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CONFIG_NOSYSTEM": "1",  # in a folder that it does not see
        }
        return {**usual, **self.environment}


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a program."""

    code: int
    """Its exit code; negative for a signal, -1 also if it could not be started."""
    output: str
    errors: str
    ended_for: EndedFor = ""
    problem: str = ""
    """Why it could not be confined and was not started; empty if it was."""
    seconds: float = 0.0
