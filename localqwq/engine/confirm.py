"""Plans that llama.cpp itself has confirmed, before anything is allocated."""

from collections.abc import Sequence
from pathlib import Path

from localqwq.engine.dry_load import TIME_LIMIT_S, DryLoadTimeout, dry_load
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.memory import bookkeeping_bytes
from localqwq.planning.placement import HOST
from localqwq.planning.plan import Plan, plan
from localqwq.planning.wishes import Wishes

_ROUNDS = 3


def confirm(
    found: Plan,
    machine: Machine,
    *,
    wishes: Wishes | None = None,
    smaller: Sequence[ModelFacts] = (),
    time_limit: float = TIME_LIMIT_S,
) -> Plan:
    """The plan with the compute buffers that llama.cpp will really make.

    Where they are larger than planned and something no longer fits, it is planned anew with what
    was learned. Arguments are those that ``found`` was planned with. A plan that does not fit, or
    that llama.cpp says nothing about in time, comes back as it is.

    Raises:
        LocalqwqError: llama.cpp cannot load the model so.
    """
    residuals: dict[str, int] = {}
    for _ in range(_ROUNDS):
        if not found.fits:
            break
        try:
            learned = _residuals(found, time_limit)
        except DryLoadTimeout:
            break
        residuals = {
            name: max(residuals.get(name, more), residuals.get(name, 0) + more)
            for name, more in learned.items()
        }
        again = plan(found.facts, machine, wishes=wishes, smaller=smaller, residuals=residuals)
        same = _shape(again) == _shape(found)
        found = again
        if same:
            break
    return found


def _residuals(found: Plan, time_limit: float) -> dict[str, int]:
    """By how many bytes the buffers of each device and of the host are larger than planned."""
    buffers = dry_load(Path(found.facts.path), found, time_limit)
    loads = [load for load in found.devices if load.layers]
    names = tuple(load.name for load in loads)
    more = {load.name: buffers.taken_by(load.name, names) - load.compute for load in loads}
    beside = bookkeeping_bytes(found.facts, found.settings)
    more[HOST] = buffers.taken_by(HOST, names) + beside - found.host.compute
    return more


def _shape(found: Plan) -> tuple[object, ...]:
    """What a dry load depends on."""
    return found.facts.path, found.context, found.kv_type, found.tensor_split, found.parallel
