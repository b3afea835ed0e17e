"""Alternatives to a plan: other KV types, contexts and quantizations, and how they fit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import ContextSettings, KvType, can_keep
from localqwq.planning.placer import Placer
from localqwq.planning.plan import Plan

CONTEXTS = (8_192, 16_384, 32_768, 65_536, 131_072)
"""Contexts in tokens; those that a model can use are offered."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A plan that differs in one respect."""

    context: int
    kv_type: KvType
    quant: str
    gpu_layers: int
    layers_total: int
    fits: bool


def alternatives(
    plan: Plan,
    machine: Machine,
    *,
    others: Sequence[ModelFacts] = (),
    constraints: Constraints | None = None,
) -> list[Alternative]:
    """Return plans that differ from ``plan`` in KV type, context or quantization.

    Args:
        plan: the plan that was made.
        machine: the machine it was made for.
        others: the model's other quantizations.
        constraints: those of the plan; what differs here, and layers, do not count.
    """
    wanted = constraints or Constraints()
    machine, found = wanted.of(machine), []
    for facts, settings in _variants(plan, others):
        placement = Placer(
            facts,
            machine,
            settings,
            wanted.reserve,
            margins=plan.margins,
            split=wanted.tensor_split,
            alone_with_flash=plan.flash and not plan.gpu_layers,
            repack=wanted.repack,
        ).most()
        found.append(
            Alternative(
                settings.context,
                settings.kv_type,
                facts.quant,
                placement.gpu_layers,
                facts.layers + 1,
                placement.fits,
            )
        )
    return found


def _variants(
    plan: Plan, others: Sequence[ModelFacts]
) -> Iterator[tuple[ModelFacts, ContextSettings]]:
    facts, settings = plan.facts, plan.settings
    for kv_type in get_args(KvType):
        if kv_type != settings.kv_type and can_keep(facts, kv_type):
            yield facts, replace(settings, kv_type=kv_type)
    for context in CONTEXTS:
        if context != settings.context and context <= facts.longest_context:
            yield facts, settings.with_context(context)
    for other in others:
        if other.quant != facts.quant and settings.context <= other.longest_context:
            yield other, settings
