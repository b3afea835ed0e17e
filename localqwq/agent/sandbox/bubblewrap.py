"""Bubblewrap: a program in namespaces of its own, which contain only what was granted; Linux."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from localqwq.agent.sandbox.job import Job
from localqwq.agent.sandbox.system import NETWORK, SYSTEM

PROGRAM = "bwrap"


def program() -> str | None:
    """Return the path of bubblewrap; None if it is not installed."""
    return shutil.which(PROGRAM)


def command(job: Job, bwrap: str, filter_: int) -> list[str]:
    """Return the command that runs a job; ``filter_``: the descriptor of the seccomp filter."""
    return [bwrap, *_options(job, filter_), "--", *job.words]


def _options(job: Job, filter_: int) -> Iterator[str]:
    yield from ("--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000")
    if job.network:
        yield "--share-net"
    yield from ("--cap-drop", "ALL", "--die-with-parent", "--new-session")
    yield from ("--hostname", "sandbox", "--seccomp", str(filter_))
    yield "--clearenv"
    for name, value in job.variables().items():
        yield from ("--setenv", name, value)
    for path in (*SYSTEM, *(NETWORK if job.network else ())):
        yield from _bind("--ro-bind-try", path)
    yield from ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")
    for path in sorted(job.read):
        yield from _bind("--ro-bind-try", path)
    for path in sorted((*job.write, job.scratch)):
        yield from _bind("--bind-try", path)
    yield from ("--remount-ro", "/", "--chdir", str(job.place()))


def _bind(option: str, path: Path) -> tuple[str, str, str]:
    return option, str(path), str(path)
