"""The supervisor of one program in the sandbox; a process of its own.

    python -m localqwq.agent.sandbox.supervisor JOB STATUS_FD [LIFELINE_FD]

It starts the program confined, watches its limits, and ends all of its processes when it ends, or
when stdin closes: then it is no longer wanted, or whoever started this is gone. With a descriptor
LIFELINE_FD, that one is watched instead, and stdin is the program's; otherwise it has none. What
came of it is written to the descriptor STATUS_FD as a line of JSON. Only the standard library is
used, so that it starts fast.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from localqwq.agent.sandbox.confinement import become
from localqwq.agent.sandbox.job import EndedFor, Job

_LOOK_SECONDS = 0.05
_REST_SECONDS = 1.0
"""Seconds between two looks at a server that does nothing."""
_DISK_LOOKS = 10
"""Looks between two measurements of the scratch folder."""
_PR_SET_CHILD_SUBREAPER = 36
_FAILED = 127


@dataclass(frozen=True, slots=True)
class _Process:
    id: int
    parent: int
    group: int
    memory: int
    """Bytes in use."""
    user: int
    threads: int
    ticks: int
    """Processor time that it has used; 0 where that is not known."""


def main() -> None:
    """Supervise."""
    job, status = Job.from_json(sys.argv[1]), int(sys.argv[2])
    null = os.open(os.devnull, os.O_RDWR)
    lifeline, given = (int(sys.argv[3]), os.dup(0)) if len(sys.argv) > 3 else (os.dup(0), null)
    for descriptor in (status, lifeline):
        os.set_inheritable(descriptor, False)
    _adopt_orphans()
    waking = _wake_at_ends()
    problems, failing = os.pipe()
    allowed = _allowed_processes(job)
    child = os.fork()
    if child == 0:
        _start(job, given, allowed, failing)
    os.close(failing)
    for descriptor in (0, 1, 2, given):  # only the program holds them, so that their end is seen
        os.dup2(null, descriptor)
    with os.fdopen(problems, "rb") as pipe:
        problem = pipe.read().decode()
    code, reason = _watch(job, child, lifeline, waking)
    report = json.dumps({"code": code, "ended_for": reason, "problem": problem})
    os.write(status, report.encode() + b"\n")


def _start(job: Job, given: int, allowed: int, failing: int) -> None:
    """Become the program; the pipe closes with that, or tells why not."""
    try:
        os.dup2(given, 0)
        become(job, allowed)
    except BaseException as error:
        words = getattr(error, "strerror", None) or str(error)
        os.write(failing, words.encode())
    finally:
        os._exit(_FAILED)


def _watch(job: Job, child: int, lifeline: int, waking: int) -> tuple[int, EndedFor]:
    """Wait for the program; return its exit code, and why it was ended, if it was."""
    began = time.monotonic()
    reason: EndedFor = ""
    looks, pause, used = 0, _LOOK_SECONDS, -1
    code: int | None = None
    while code is None:
        if _is_unwanted(lifeline, waking, pause):
            reason = "stopped"
        elif job.limits.seconds is not None and time.monotonic() - began > job.limits.seconds:
            reason = "time"
        else:
            own = _own()
            before, used = used, sum(process.ticks for process in own)
            rests = job.limits.seconds is None and used == before
            pause = min(2 * pause, _REST_SECONDS) if rests else _LOOK_SECONDS
            reason = _excess(job, own, measure_disk=looks % _DISK_LOOKS == 0)
        looks += 1
        if reason:
            break
        code = _ended(child)
    _end_all(child)
    if code == -signal.SIGXCPU:
        reason = "time"
    return -signal.SIGKILL if code is None else code, reason


def _wake_at_ends() -> int:
    """Return a descriptor that can be read from whenever a process has ended."""
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _is_unwanted(lifeline: int, waking: int, seconds: float) -> bool:
    """Wait so long, or until a process ends; return whether the lifeline has closed."""
    ready, _, _ = select.select([lifeline, waking], [], [], seconds)
    if waking in ready:
        os.read(waking, 4096)
    return lifeline in ready and not os.read(lifeline, 4096)


def _ended(child: int) -> int | None:
    """Reap what has ended; return the program's exit code once it has."""
    code = None
    while True:
        try:
            found, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if not found:
            return code
        if found == child:
            code = os.waitstatus_to_exitcode(status)


def _own() -> list[_Process]:
    """Return the program's processes."""
    return [process for process in _descendants(os.getpid()) if process.id != os.getpid()]


def _excess(job: Job, own: Sequence[_Process], *, measure_disk: bool) -> EndedFor:
    """Return the limit that the processes exceed together."""
    if len(own) > job.limits.processes:
        return "processes"
    if sum(process.memory for process in own) > job.limits.memory:
        return "memory"
    if measure_disk and _size(job.scratch, job.limits.disk) > job.limits.disk:
        return "disk"
    return ""


def _end_all(child: int) -> None:
    """End the program and all that it started.

    Its processes cannot leave their group, and the kernel ends a group at once. Those in namespaces
    of their own end with the first process there. Others are looked for.
    """
    while True:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        left = _descendants(os.getpid())
        for process in left:
            if process.id != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.id, signal.SIGKILL)
        _ended(child)
        if len(left) <= 1:
            return
        time.sleep(0.001)


def _descendants(root: int) -> list[_Process]:
    """Return a process and all that descend from it, without those that have ended."""
    found = {process.id: process for process in _processes()}
    kept: dict[int, bool] = {root: True}

    def belongs(number: int) -> bool:
        if number not in kept:
            kept[number] = False  # a circle cannot be
            parent = found[number].parent if number in found else 0
            kept[number] = parent > 0 and belongs(parent)
        return kept[number]

    return [process for number, process in found.items() if belongs(number)]


def _processes() -> Iterator[_Process]:
    """Yield all processes of this machine that have not ended."""
    if sys.platform != "linux":
        yield from _listed()
        return
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            text = Path(entry.path, "stat").read_text("utf-8", "replace")
            user = entry.stat().st_uid
        except OSError:  # it has ended meanwhile
            continue
        fields = text.rpartition(")")[2].split()
        if fields[0] not in "ZX":
            memory = int(fields[21]) * page
            parent, group, threads = int(fields[1]), int(fields[2]), int(fields[17])
            ticks = int(fields[11]) + int(fields[12])
            yield _Process(int(entry.name), parent, group, memory, user, threads, ticks)


def _listed() -> Iterator[_Process]:
    """Yield them as macOS lists them."""
    with os.popen("/bin/ps -axo pid=,ppid=,pgid=,rss=,uid=,stat=") as listed:
        lines = listed.read().splitlines()
    for line in lines:
        *numbers, state = line.split(None, 5)
        if not state.startswith("Z"):
            process, parent, group, memory, user = map(int, numbers)
            yield _Process(process, parent, group, memory * 1024, user, 1, 0)


def _allowed_processes(job: Job) -> int:
    """Return how many processes the user may have: those of today, and the job's."""
    if job.user is not None and os.geteuid() == 0:
        return job.limits.processes
    threads = 0
    for process in _processes():
        if process.user == os.getuid():
            threads += process.threads
    return threads + job.limits.processes


def _size(folder: Path, enough: int) -> int:
    """Return the bytes of all files in a folder, or somewhat more than ``enough``."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).lstat().st_blocks * 512
        if total > enough:
            break
    return total


def _adopt_orphans() -> None:
    """Become the parent of all descendants whose own has ended. Linux only."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


if __name__ == "__main__":
    main()
