"""Which models may be in memory together: the planner decides, with what the others hold counted.

Others that nobody uses make way, the longest unused first, if a model would otherwise get less than
it would without them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from localqwq.errors import LocalqwqError
from localqwq.hardware.machine import Machine
from localqwq.models.launch import Launch
from localqwq.models.launching import context_limit
from localqwq.models.outlook import Outlook, without_held
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import padded
from localqwq.planning.plan import Plan, plan


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


def growing(
    outlook: Outlook,
    own: Held,
    constraints: Constraints,
    needed: int,
    staying: Sequence[Held],
    idle: Sequence[tuple[Other, Held]] = (),
) -> tuple[list[Other], int]:
    """Return which idle models make way for a longer context of a loaded model, and how long it may
    become then, in tokens.

    Args:
        outlook: this machine as it is now.
        own: the model; its context is the one that it has now.
        constraints: those of its plan.
        needed: tokens that its context must have.
        staying: other models in memory that cannot leave it.
        idle: those that can, the longest unused one first.

    Raises:
        LocalqwqError: it cannot have so many; the sentence is the plan's.
    """
    facts = own.plan.facts
    kept = replace(constraints, kv_type=own.plan.kv_type, gpu_layers=own.plan.gpu_layers)
    context = min(padded(needed), facts.longest_context)
    without = replace(outlook, machine=without_held(outlook.machine, own.plan, own.resident))
    others, seen, found = leaving(
        without, lambda one: one.plan(facts, replace(kept, context=context)), staying, idle
    )
    if not found.fits:
        raise LocalqwqError(found.why)
    if found.repack < own.plan.repack:  # loaded weights stay as they are
        raise LocalqwqError(f"A context of {context:,} tokens does not fit into free memory.")
    return others, context_limit(seen, found, kept)


def with_context(launch: Launch, context: int) -> Launch:
    """Return the launch of a model whose context has become so long, with a plan that says so."""
    if launch.plan is None or launch.machine is None or launch.plan.context == context:
        return launch
    before = launch.plan
    constraints = replace(
        launch.constraints, context=context, kv_type=before.kv_type, gpu_layers=before.gpu_layers
    )
    now = plan(before.facts, launch.machine, constraints=constraints, margins=before.margins)
    return replace(launch, plan=now)
