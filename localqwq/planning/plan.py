"""What goes where, on this machine: context, offloaded layers and threads, and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.placement import Load, gpus, place
from localqwq.sizes import readable_size

USUAL_CONTEXT = 32_768
"""Tokens, unless asked for otherwise: what QwQ was trained with, room for long thoughts."""
SHORTEST_CONTEXT = 2_048
"""Tokens; less is no use to a model that thinks."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is to be loaded."""

    context: int
    """Tokens."""
    gpu_layers: int
    """Layers on GPUs, the last ones first, the output layer counted as one."""
    layers_total: int
    """Layers in all, the output layer counted as one."""
    threads: int
    fits: bool
    """Whether all of it fits; a plan that does not must not be loaded."""
    why: str
    """One sentence for people."""
    devices: tuple[Load, ...]
    host: Load


def plan(facts: ModelFacts, machine: Machine, *, context: int | None = None) -> Plan:
    """Plan for a context of so many tokens, or for a sensible one that fits.

    A context that was asked for is kept: rather a plan that does not fit than a silently shorter
    memory. As many whole layers as fit go to the GPUs; the host must hold the rest.

    Raises:
        LocalqwqError: the model cannot use a context of that length on any machine.
    """
    if context is not None:
        _check_context(facts, context)
        return _plan(facts, machine, context, context)
    wished = usual_context(facts)
    for shorter in _shorter_and_shorter(wished):
        found = _plan(facts, machine, shorter, wished)
        if found.fits:
            break
    return found


def usual_context(facts: ModelFacts) -> int:
    """Tokens of context when nobody asks for more: what the model needs no rope scaling for."""
    native = facts.rope_original_context if facts.rope_scaling == "yarn" else facts.context_length
    return min(native, USUAL_CONTEXT)


def _check_context(facts: ModelFacts, context: int) -> None:
    longest = facts.longest_context
    if not 1 <= context <= longest:
        raise LocalqwqError(
            f"{facts.name} cannot use a context of {context:,} tokens: choose at most {longest:,}."
        )


def _shorter_and_shorter(context: int) -> Iterator[int]:
    yield context
    while context > SHORTEST_CONTEXT:
        context = max(SHORTEST_CONTEXT, context // 2)
        yield context


def _plan(facts: ModelFacts, machine: Machine, context: int, wished: int) -> Plan:
    most = facts.layers + 1 if any(device.free for device in gpus(machine)) else 0
    for gpu_layers in range(most, -1, -1):
        devices, host = place(facts, machine, context, gpu_layers)
        if all(load.fits for load in devices):
            break
    fits = host.total <= host.free
    return Plan(
        context=context,
        gpu_layers=gpu_layers,
        layers_total=facts.layers + 1,
        threads=machine.physical_cores,
        fits=fits,
        why=_why(devices, host, context, wished) if fits else _why_not(facts, host, context),
        devices=devices,
        host=host,
    )


def _why(devices: tuple[Load, ...], host: Load, context: int, wished: int) -> str:
    names = " and ".join(load.name for load in devices)
    offloaded = sum(load.layers for load in devices)
    total = offloaded + host.layers
    if not devices:
        where = f"The processor holds all {total} layers in {readable_size(host.used)} of memory"
    elif not offloaded:
        where = f"Not one layer fits on {names}, so the processor holds all {total}"
    elif offloaded == total:
        used = readable_size(sum(load.used for load in devices))
        where = f"All {total} layers fit on {names} in {used}"
    else:
        where = f"{offloaded} of {total} layers fit on {names}, and the processor holds the rest"
    if context == wished:
        return where + "."
    return f"{where}; memory is short for a context of {wished:,} tokens, so it is {context:,}."


def _why_not(facts: ModelFacts, host: Load, context: int) -> str:
    usable = readable_size(max(0, host.free - host.margin))
    return (
        f"{facts.name} in {facts.quant} needs {readable_size(host.used)} of memory with a context "
        f"of {context:,} tokens, and {usable} can be used here."
    )
