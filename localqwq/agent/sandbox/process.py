"""Running a job: the supervisor as a child process, and reading what the program writes."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable

from localqwq import children
from localqwq.agent.sandbox.job import EndedFor, Job, Ran
from localqwq.agent.stop import Stop

_PIECE = 1 << 16
_ENDING_SECONDS = 10.0
"""Seconds that a supervisor may take to end everything."""


def command(job: Job, *descriptors: int) -> list[str]:
    """Return the command that runs a job as long as its stdin is open.

    ``descriptors``: the one to which the outcome is written, which :func:`told` reads; and if stdin
    is for the program, another one that is open as long as the job is wanted.
    """
    module = children.Child.SANDBOX
    return [sys.executable, "-P", "-m", module, job.as_json(), *map(str, descriptors)]


def run(job: Job, stop: Stop | None = None) -> Ran:
    """Run a job to its end, its limits, or until ``stop`` is set. Raises OSError."""
    stop = Stop() if stop is None else stop
    began = time.monotonic()
    reading, status = os.pipe()
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            command(job, status),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            pass_fds=[status],
            process_group=children.OWN_GROUP,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(status)
    assert process.stdin is not None
    lifeline = process.stdin

    def leave() -> None:
        with contextlib.suppress(OSError):
            lifeline.close()

    with process, os.fdopen(reading, "rb") as report:
        try:
            with stop.calling(leave):
                output, errors, flooded = _read(process, job.limits.output, leave)
                outcome = report.read()
        finally:
            leave()
            _await(process)
        return _ran(outcome, output, errors, flooded, time.monotonic() - began)


def _read(
    process: "subprocess.Popen[bytes]", most: int, leave: Callable[[], None]
) -> tuple[bytes, bytes, bool]:
    """Return stdout and stderr, up to ``most`` bytes together, and whether there was more."""
    taken: dict[str, bytearray] = {"output": bytearray(), "errors": bytearray()}
    left, flooded = most, False
    with selectors.DefaultSelector() as waiting:
        assert process.stdout is not None
        assert process.stderr is not None
        waiting.register(process.stdout, selectors.EVENT_READ, "output")
        waiting.register(process.stderr, selectors.EVENT_READ, "errors")
        while waiting.get_map():
            for key, _ in waiting.select():
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    waiting.unregister(key.fileobj)
                taken[key.data] += piece[:left]
                flooded = flooded or len(piece) > left
                left -= min(left, len(piece))
            if flooded:
                leave()
    return bytes(taken["output"]), bytes(taken["errors"]), flooded


def _await(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the supervisor has ended everything."""
    try:
        process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def told(report: bytes) -> tuple[int, EndedFor, str]:
    """Return the exit code, the limit that was exceeded, and why it was not started at all."""
    try:
        found = json.loads(report)
        return int(found["code"]), found["ended_for"], str(found["problem"])
    except (ValueError, KeyError, TypeError):
        return -1, "", "its supervisor ended without a report"


def _ran(report: bytes, output: bytes, errors: bytes, flooded: bool, seconds: float) -> Ran:
    code, reason, problem = told(report)
    ended: EndedFor = "output" if flooded else reason
    said, complained = (text.decode("utf-8", "replace") for text in (output, errors))
    return Ran(code, said, complained, ended, problem, seconds)
