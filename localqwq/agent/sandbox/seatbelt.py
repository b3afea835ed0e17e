"""The sandbox of macOS, through ``sandbox-exec``."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from localqwq.agent.sandbox.job import Job

PROGRAM = "/usr/bin/sandbox-exec"
_SYSTEM = ("/usr", "/bin", "/sbin", "/System", "/Library/Frameworks", "/Library/Developer", "/opt")
_RESOLVING = ("/private/etc", "/private/var/run/resolv.conf", "/private/var/run/mDNSResponder")
_FILES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/private/etc/localtime")


def command(job: Job) -> list[str]:
    """Return the command that runs a job."""
    return [PROGRAM, "-p", profile(job), *job.words]


def profile(job: Job) -> str:
    """Return the profile of a job: everything is denied that is not named."""
    return "\n".join(_lines(job))


def _lines(job: Job) -> Iterator[str]:
    yield "(version 1)"
    yield "(deny default)"
    yield "(allow process-fork)"
    yield "(allow process-exec)"
    yield "(allow signal (target same-sandbox))"
    yield "(allow sysctl-read)"
    yield '(allow file-read-metadata (literal "/") (subpath "/usr"))'
    yield f"(allow file-read* {_paths((*_SYSTEM, *job.read, *job.write, job.scratch))})"
    yield f"(allow file-read* {_paths(_FILES, kind='literal')})"
    yield f"(allow file-write* {_paths((*job.write, job.scratch))})"
    yield '(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))'
    if job.network:
        yield "(allow network-outbound)"
        yield "(allow system-socket)"
        yield f"(allow file-read* {_paths(_RESOLVING)})"
    parents = {parent for path in (*job.read, *job.write, job.scratch) for parent in path.parents}
    yield f"(allow file-read-metadata {_paths(sorted(parents), kind='literal')})"


def _paths(paths: Iterable[Path | str], *, kind: str = "subpath") -> str:
    return " ".join(f"({kind} {_quoted(str(path))})" for path in paths)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
