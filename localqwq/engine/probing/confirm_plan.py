"""Confirming a plan with llama.cpp itself, before anything is allocated."""

from collections.abc import Callable, Sequence

from localqwq.engine.probing.dry_load import TIME_LIMIT_S, Buffers, DryLoadTimeout
from localqwq.engine.probing.dry_load_cache import earlier_load, known_load
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import HOST, Machine
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import bookkeeping_bytes
from localqwq.planning.placement import Place
from localqwq.planning.plan import Plan, plan

_ROUNDS = 3


def confirm(
    found: Plan,
    machine: Machine,
    *,
    constraints: Constraints | None = None,
    smaller: Sequence[ModelFacts] = (),
    time_limit: float = TIME_LIMIT_S,
) -> Plan:
    """Return the plan with the compute buffers that llama.cpp will really allocate, by a dry load.

    If they are larger than planned and something no longer fits, plan again with what was learned.
    The arguments are those that ``found`` was planned with. A plan that does not fit, or for which
    llama.cpp does not answer in time, is returned unchanged.

    Raises:
        LocalqwqError: llama.cpp cannot load the model this way.
    """

    def buffers(one: Plan) -> Buffers | None:
        try:
            return known_load(one, machine, time_limit)
        except DryLoadTimeout:
            return None

    return _confirm(found, machine, constraints, smaller, buffers)


def confirm_by_known_loads(
    found: Plan,
    machine: Machine,
    *,
    constraints: Constraints | None = None,
    smaller: Sequence[ModelFacts] = (),
) -> Plan:
    """Do the same as :func:`confirm` with cached dry loads only; none is run."""
    return _confirm(found, machine, constraints, smaller, lambda one: earlier_load(one, machine))


def _confirm(
    found: Plan,
    machine: Machine,
    constraints: Constraints | None,
    smaller: Sequence[ModelFacts],
    buffers_of: Callable[[Plan], Buffers | None],
) -> Plan:
    residuals: dict[Place, int] = {}
    for _ in range(_ROUNDS):
        buffers = buffers_of(found) if found.fits else None
        if buffers is None:
            break
        learned = _residuals(found, buffers)
        residuals |= {
            place: max(residuals.get(place, more), residuals.get(place, 0) + more)
            for place, more in learned.items()
        }
        again = plan(
            found.wanted,
            machine,
            constraints=constraints,
            smaller=smaller,
            residuals=residuals,
            margins=found.margins,
        )
        same = _shape(again) == _shape(found)
        found = again
        if same:
            break
    return found


def is_doubtful(found: Plan) -> bool:
    """Return whether a dry load could change the plan, and is worth the wait.

    On the processor the formula has never been too small by more than its rounding, for any
    measured shape, and a dry load takes 0.8 s for the demo and 1.2 s for QwQ's shape. So it is run
    where that is a small part of the start: for devices, whose buffers depend on their type, and
    where a compute buffer of twice its size would not fit.
    """
    host = found.host
    return bool(found.gpu_layers) or host.free - host.total < host.compute


def _residuals(found: Plan, buffers: Buffers) -> dict[Place, int]:
    """Return by how many bytes the buffers of each device and of the host exceed the plan."""
    loads = [load for load in found.devices if load.layers]
    names = tuple(load.name for load in loads)
    more = {load.place: buffers.taken_by(load.name, names) - load.compute for load in loads}
    beside = bookkeeping_bytes(found.facts, found.settings)
    more[found.host.place] = buffers.taken_by(HOST, names) + beside - found.host.compute
    return more


def _shape(found: Plan) -> tuple[object, ...]:
    """Return everything that a dry load depends on."""
    return found.facts.path, found.context, found.kv_type, found.tensor_split, found.parallel
