"""One sentence on why a plan is as it is."""

from localqwq.gguf.facts import ModelFacts
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import ContextSettings, rounding
from localqwq.planning.placement import Load, Placement
from localqwq.planning.preferences import Step
from localqwq.sizes import readable_size


def reason(
    facts: ModelFacts,
    step: Step,
    settings: ContextSettings,
    placement: Placement,
    wished: int,
    constraints: Constraints,
) -> str:
    """Return where everything is, what was given up for it, and what that gained."""
    words = {
        "context": settings.context,
        "wished": wished,
        "kv": settings.kv_type.upper(),
        "place": _place(placement),
    }
    parts = [_where(facts, placement, constraints.gpu_layers)]
    if step.given_up:
        parts.append(f"{step.given_up}, {step.gained}".format(**words))
    return with_notes("; ".join(parts) + ".", facts, constraints)


def with_notes(why: str, facts: ModelFacts, constraints: Constraints) -> str:
    """Return the reason, and a sentence for each value that is not taken literally."""
    total, wanted = facts.layers + 1, constraints.gpu_layers
    sentences = [why]
    if wanted is not None and wanted > total:
        sentences.append(f"It has {total} layers, so {wanted:,} means all of them.")
    if constraints.context is not None and (note := rounding(constraints.context)):
        sentences.append(note)
    return " ".join(sentences)


def reason_against(
    facts: ModelFacts, settings: ContextSettings, placement: Placement, instead: int | None
) -> str:
    """Return what is lacking; ``instead``: a context in tokens that would fit."""
    short = next((load for load in placement.devices if not load.fits), placement.host)
    if short.too_large:
        size = readable_size(short.too_large)
        sentence = (
            f"With a context of {settings.context:,} tokens, {facts.name} in {facts.quant} has "
            f"tensors of {size}, which {short.name} cannot compute with"
        )
        return f"{sentence}: {_shorter(instead)}."
    where = "memory" if short is placement.host else f"memory on {short.name}"
    if short is placement.host and placement.gpu_layers:
        where += f" beside {placement.gpu_layers} layers {_place(placement)},"
    usable = readable_size(max(0, short.free - short.margin))
    sentence = (
        f"{facts.name} in {facts.quant} needs {readable_size(short.used)} of {where} with a "
        f"context of {settings.context:,} tokens, but only {usable} can be used here"
    )
    if instead is not None:
        sentence += f", which is enough for {instead:,} tokens"
    return sentence + "."


def _shorter(instead: int | None) -> str:
    if instead is None:
        return "keep the layers on the processor with --device none"
    return f"a context of {instead:,} tokens would fit"


def _where(facts: ModelFacts, placement: Placement, by_hand: int | None) -> str:
    total = facts.layers + 1
    offloaded = placement.gpu_layers
    names = _names([load for load in placement.devices if load.layers] or placement.devices)
    if not placement.devices:
        used = readable_size(placement.host.used)
        if by_hand:
            return f"There is no device for layers here: the processor holds all {total} in {used}"
        return f"The processor holds all {total} layers in {used} of memory"
    if by_hand is not None and offloaded < total:
        rest = "and the processor holds the rest" if offloaded else "so the processor holds all"
        return f"{offloaded} of {total} layers are wanted on {names}, {rest}"
    if not offloaded and all(load.too_large for load in placement.devices):
        size = readable_size(placement.devices[0].too_large)
        return f"{names} cannot compute with tensors of {size}, so the processor holds all {total}"
    if not offloaded:
        return f"There is no room for layers on {names}, so the processor holds all {total}"
    if offloaded < total:
        return f"{offloaded} of {total} layers fit on {names}, and the processor holds the rest"
    used = readable_size(sum(load.used for load in placement.devices))
    return f"All {total} layers fit on {names} in {used}"


def _place(placement: Placement) -> str:
    used = [load for load in placement.devices if load.layers]
    return f"on {_names(used)}" if used else "in memory"


def _names(loads: "tuple[Load, ...] | list[Load]") -> str:
    *others, last = [load.name for load in loads] or [""]
    return f"{', '.join(others)} and {last}" if others else last
