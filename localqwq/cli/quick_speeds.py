"""The speeds of this machine's devices, for lists that should not keep people waiting."""

import os

from localqwq.engine.speeds import with_speeds
from localqwq.hardware.machine import Machine

_BUSY = 0.5
"""Processes that want to run, for each logical processor."""


def with_quick_speeds(machine: Machine) -> Machine:
    """The machine with what is known of its devices' speeds, measured first if there is a point.

    On a busy machine there is none: it would take seconds, and the figures would not be used.
    """
    busy = os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1)
    return with_speeds(machine, measure=not busy)
