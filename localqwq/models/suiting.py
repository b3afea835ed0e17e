"""Which quantization of a model suits a machine: a policy over plans."""

from collections.abc import Sequence

from localqwq.gguf.facts import ModelFacts
from localqwq.models.outlook import Outlook
from localqwq.planning.plan import Plan

LEAST_CONTEXT = 8192
"""Minimum tokens: a thought often takes some thousand, besides the question and the answer."""

_LOSSLESS = 9.0
"""Bits per weight; more take memory and time without a visible gain."""
_GOOD, _USUAL = 4.5, 5.2
"""Bits per weight around those of Q4_K_M: below, answers get worse before they get faster; above,
they hardly improve.
"""
_QUICK_BYTES = 4 << 30
"""Bytes that a processor can read per token at some ten tokens per second."""


def suiting_here(candidates: Sequence[ModelFacts], outlook: Outlook) -> Plan | None:
    """Return the plan of the best quantization for a machine, see :func:`suiting`.

    The machine at rest counts: a download is used for longer than the current moment.
    """
    return suiting(plans_at_rest(candidates, outlook))


def plans_at_rest(candidates: Sequence[ModelFacts], outlook: Outlook) -> list[Plan]:
    """Return how each of the candidates would be loaded on the machine at rest."""
    at_rest = outlook.at_rest()
    return [at_rest.plan(facts) for facts in candidates]


def leaves_too_little(found: Plan) -> bool:
    """Return whether a plan has so little context that a smaller quantization is better."""
    return found.context < min(LEAST_CONTEXT, found.facts.longest_context)


def suiting(plans: Sequence[Plan]) -> Plan | None:
    """Return the plan of the best quantization of one model; None if none fits.

    The largest good one that is quick and makes no compromises; else the largest of the usual size
    or less that fits at all; else the smallest that fits. Those with too little context count only
    if no other fits.
    """
    useful = [one for one in plans if one.facts.bits_per_weight <= _LOSSLESS] or list(plans)
    fitting = sorted(
        (one for one in useful if one.fits), key=lambda one: one.facts.bytes, reverse=True
    )
    roomy = [one for one in fitting if not leaves_too_little(one)]
    fitting = roomy or fitting[-1:]
    for wanted in (_is_quick, _is_usual):
        found = next((one for one in fitting if wanted(one)), None)
        if found is not None:
            return found
    return fitting[-1] if fitting else None


def _is_quick(found: Plan) -> bool:
    if found.step > 1 or found.facts.bits_per_weight < _GOOD:
        return False
    on_devices = found.gpu_layers == found.layers_total
    return on_devices or found.facts.weight_bytes <= _QUICK_BYTES


def _is_usual(found: Plan) -> bool:
    return found.facts.bits_per_weight <= _USUAL
