"""Becoming a confined process: the steps between the supervisor and the program, in the child."""

import os
import resource
import signal
import sys

from localqwq.agent.sandbox import bubblewrap, landlock, seatbelt, seccomp
from localqwq.agent.sandbox.job import Job
from localqwq.agent.sandbox.system import DEVICES, NETWORK, SYSTEM

_PR_SET_PDEATHSIG = 1
_CAPABILITY_VERSION = 0x20080522


def become(job: Job, processes: int) -> None:
    """Replace this process with the confined program; raises OSError if that fails.

    ``processes``: how many the user may have in all.
    """
    os.setsid()
    os.umask(0o077)
    _limit(job, processes)
    if job.user is not None and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(job.user, job.user, job.user)
        os.setresuid(job.user, job.user, job.user)
    elif sys.platform == "linux":
        _drop_capabilities()
    os.chdir(job.place())
    _end_with_supervisor()
    match job.backend:
        case "bubblewrap":
            bwrap = bubblewrap.program()
            if bwrap is None:
                raise OSError(0, "bubblewrap is not installed")
            words = bubblewrap.command(job, bwrap, _filter_file(network=job.network))
            os.execve(words[0], words, {"PATH": "/usr/bin:/bin"})
        case "landlock":
            read = (*SYSTEM, *(NETWORK if job.network else ()), *job.read)
            landlock.restrict(read, (*job.write, job.scratch), DEVICES, network=job.network)
            scoped = landlock.version() >= landlock.SCOPES_ABI
            seccomp.restrict(seccomp.program(files=True, signals=not scoped, network=job.network))
            os.execve(job.words[0], list(job.words), job.variables())
        case "seatbelt":
            words = seatbelt.command(job)
            os.execve(words[0], words, job.variables())


def _limit(job: Job, processes: int) -> None:
    limits = job.limits
    bounds = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits.disk),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, processes),
    ]
    if limits.seconds is None:
        bounds.append((resource.RLIMIT_DATA, limits.memory))
    else:
        bounds.append((resource.RLIMIT_AS, limits.memory))
        bounds.append((resource.RLIMIT_CPU, int(limits.seconds) + 1))
    for kind, most in bounds:
        _, hard = resource.getrlimit(kind)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (bound, bound))
        except (OSError, ValueError):  # macOS does not bound address spaces
            continue
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and children inherit it
        signal.signal(number, signal.SIG_DFL)


def _drop_capabilities() -> None:
    """Give up what root has in a namespace of users; nobody else has any."""
    import ctypes

    version = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    if ctypes.CDLL(None, use_errno=True).capset(version, (ctypes.c_uint32 * 6)()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _end_with_supervisor() -> None:
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _filter_file(*, network: bool) -> int:
    """Return a descriptor from which bubblewrap reads the filter."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    os.write(writing, seccomp.program(files=False, signals=False, network=network))
    os.close(writing)
    return reading
