"""Starting a model with less after its plan needed more memory than there was."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from localqwq.hardware.machine import HOST
from localqwq.models.launch import Launch
from localqwq.models.outlook import look
from localqwq.planning.fallback import changes, plan_down
from localqwq.planning.plan import Plan
from localqwq.planning.preferences import SHORTEST_CONTEXT
from localqwq.server.supervision.deaths import Death, LoadFailed, Shortage
from localqwq.server.supervision.supervisor import Ready, Supervisor


@dataclass(frozen=True, slots=True)
class Lesser:
    """How to start a model instead."""

    launch: Launch
    change: str
    """For people, after "It is being started again": ``with a context of …``."""


def lesser(launch: Launch, death: Death) -> Lesser | None:
    """Return the next plan down after memory ran out or an RPC server was lost.

    After the loss of a server, the best plan without it. ``None`` if nothing is left to give up.
    Inspects the machine as it is now, which takes as long as ``detect``. An unplanned launch gets
    half the context.
    """
    if death.lost_server:
        return _without_lost_servers(launch)
    if launch.plan is None:
        context = launch.load.context
        half = max(context // 2, min(context, SHORTEST_CONTEXT))
        if half == context:
            return None
        change = f"with a context of {half:,} tokens instead of {context:,}"
        return Lesser(launch.with_context(half), change)
    machine = look().machine
    short = _short_places(launch.plan, death)
    down = plan_down(
        launch.plan, machine, constraints=launch.constraints, short=short, smaller=launch.smaller
    )
    if down is None:
        return None
    # After a shortage, the context should not grow.
    less = launch.with_plan(down, machine, down.context)
    return Lesser(less, changes(launch.plan, down))


async def start_with_less(
    supervisor: Supervisor[Ready],
    say: Callable[[str], None],
    on_progress: Callable[[float], None] | None = None,
) -> Ready:
    """Start the child; if it runs out of memory, use the next plan down, until one works.

    ``say`` is called with a sentence about each failure and what is changed; ``on_progress`` is as
    for :meth:`Supervisor.start`. Raises :class:`LoadFailed` if that does not help.
    """
    while True:
        try:
            return await supervisor.start(on_progress)
        except LoadFailed as failure:
            death = failure.death
            if death is None:
                raise
            if death.shortage is not Shortage.CERTAIN and not death.lost_server:
                raise
            less = await asyncio.to_thread(lesser, supervisor.launch, death)
            if less is None:
                raise
            say(f"{death.sentence} Trying again {less.change}.")
            supervisor.launch = less.launch


def _without_lost_servers(launch: Launch) -> Lesser | None:
    outlook = look()
    machine = outlook.machine
    lost = [address for address in launch.load.rpc if address not in machine.rpc_servers]
    if not lost or launch.plan is None:
        return None
    constraints = launch.constraints
    attempts = (
        [constraints]
        if constraints.context is None
        else [constraints, replace(constraints, context=None)]
    )
    for attempt in attempts:
        found = outlook.plan(launch.plan.facts, attempt, launch.smaller)
        if found.fits:
            change = f"without {' and '.join(lost)}, {changes(launch.plan, found)}"
            return Lesser(launch.with_plan(found, machine, found.context), change)
    return None


def _short_places(plan: Plan, death: Death) -> tuple[str, ...]:
    """Return whose memory was short, as far as known."""
    devices = tuple(load.name for load in plan.devices if load.layers)
    return devices if death.on_device and devices else (HOST,)
