"""Programs that take turns, so that whatever else the machine does meets all of them alike."""

import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from bench.streaming.terminal import OnTerminal

TURN = 2.0
"""Seconds. What a program does at intervals is done at once when it goes on: turns are long."""

Windows = list[tuple[float, float]]
"""When a program's turns began and ended, by the monotonic clock."""


def take_turns(programs: Sequence[OnTerminal]) -> list[Windows]:
    """Lets one of them run at a time until all have ended; the turns of each."""
    windows: list[Windows] = [[] for _ in programs]
    for program in programs:
        _signal(program, go_on=False)
    running = dict(zip(programs, windows, strict=True))
    while running:
        for program, turns in [*running.items()]:
            began = time.monotonic()
            _signal(program, go_on=True)
            with suppress(psutil.TimeoutExpired):
                psutil.Process(program.process.pid).wait(TURN)
            turns.append((began, time.monotonic()))
            if program.process.poll() is None:
                _signal(program, go_on=False)
            else:
                del running[program]
    return windows


def own_time(windows: Windows, moment: float) -> float:
    """Seconds that a program had run at a moment of the monotonic clock."""
    return sum(max(min(end, moment) - began, 0.0) for began, end in windows)


def _signal(program: OnTerminal, *, go_on: bool) -> None:
    """Stops a program with all that it started, or lets them go on."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(program.process.pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                each.resume() if go_on else each.suspend()
