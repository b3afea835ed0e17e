"""How a model would run on this machine, as a clause for lists of models."""

from localqwq.planning.placement import Load
from localqwq.planning.plan import Plan
from localqwq.planning.speed import readable_rate
from localqwq.sizes import readable_size


def verdict(plan: Plan) -> str:
    """Return where its layers would be, its context and its approximate speed.

    For a plan that does not fit: what it needs, and what can be used here.
    """
    if not plan.fits:
        return f"does not fit: {shortage(plan)}"
    parts = [place(plan), f"{plan.context:,} tokens"]
    if plan.speed.decode is not None:
        parts.append(f"about {readable_rate(plan.speed.decode)} tokens/s")
    return ", ".join(parts)


def place(plan: Plan) -> str:
    """Return where the layers of a plan that fits would be."""
    if not plan.gpu_layers:
        return "on the processor"
    *others, last = [load.name for load in plan.devices if load.layers]
    names = f"{', '.join(others)} and {last}" if others else last
    if plan.gpu_layers == plan.layers_total:
        return f"all on {names}"
    return f"{plan.gpu_layers} of {plan.layers_total} layers on {names}"


def shortage(plan: Plan) -> str:
    """Return what a plan that does not fit needs, and what can be used here."""
    load = _too_small(plan)
    usable = readable_size(max(0, load.free - load.margin))
    return f"{need(plan)}, {usable} can be used"


def need(plan: Plan) -> str:
    """Return what a plan that does not fit needs."""
    load = _too_small(plan)
    where = "memory" if load is plan.host else f"memory on {load.name}"
    return f"needs {readable_size(load.used)} of {where}"


def _too_small(plan: Plan) -> Load:
    return next((load for load in plan.devices if not load.fits), plan.host)
