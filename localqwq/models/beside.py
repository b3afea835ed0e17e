"""Which models may be in memory together: the planner decides, with what the others hold counted.

Others that nobody uses make way, the longest unused first, if a model would otherwise get less than
it would without them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from localqwq.hardware.machine import Machine
from localqwq.models.outlook import Outlook, without_held
from localqwq.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Held:
    """A model in memory."""

    plan: Plan
    """How it was loaded."""
    resident: int
    """Bytes of main memory that its process has to itself; mapped files are not among them."""


Other = TypeVar("Other")


def beside(machine: Machine, held: Held) -> Machine:
    """Return the machine with what a model that stays holds or will come to hold.

    The system counts pages of mapped weights as available, and those of the KV cache until they are
    first written. Devices give all of it away at the load.
    """
    missing = max(0, held.plan.host.used - held.resident)
    return replace(machine, ram_available=max(0, machine.ram_available - missing))


def is_as_good(found: Plan, best: Plan) -> bool:
    """Return whether a plan gives a model as much as another one does."""
    return (
        found.fits
        and found.facts.path == best.facts.path
        and found.step <= best.step
        and found.gpu_layers >= best.gpu_layers
        and found.context >= best.context
        and found.repack >= best.repack
    )


def leaving(
    outlook: Outlook,
    planned: Callable[[Outlook], Plan],
    staying: Sequence[Held],
    idle: Sequence[tuple[Other, Held]],
) -> tuple[list[Other], Outlook, Plan]:
    """Return which idle models make way for a new one, and the outlook and plan without them.

    Args:
        outlook: this machine as it is now.
        planned: plans the new model.
        staying: models in memory that cannot leave it.
        idle: those that can, the longest unused one first.
    """

    def with_first(count: int) -> tuple[Outlook, Plan]:
        machine = outlook.machine
        for _, held in idle[:count]:
            machine = without_held(machine, held.plan, held.resident)
        for held in [*staying, *(held for _, held in idle[count:])]:
            machine = beside(machine, held)
        seen = replace(outlook, machine=machine)
        return seen, planned(seen)

    best = with_first(len(idle))
    for count in range(len(idle)):
        seen, found = with_first(count)
        if is_as_good(found, best[1]):
            return [other for other, _ in idle[:count]], seen, found
    return [other for other, _ in idle], *best
