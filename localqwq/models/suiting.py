"""Which quantization of a model suits a machine: a policy over the planner's plans."""

from collections.abc import Sequence

from localqwq.planning.plan import Plan

_LOSSLESS = 9.0
"""Bits per weight; more of them take room and time, and nobody sees a difference."""
_GOOD, _USUAL = 4.5, 5.2
"""Bits per weight around those of Q4_K_M: with less, answers get worse before they get quicker;
with more, they hardly get better."""
_QUICK_BYTES = 4 << 30
"""Bytes that a processor reads for each token, at some ten tokens a second."""


def suiting(plans: Sequence[Plan]) -> Plan | None:
    """The plan of the quantization to take of those of one model; ``None`` if none fits.

    The largest good one that is quick and gives nothing up; else the largest of the usual size or
    less that fits at all; else the smallest that does.
    """
    useful = [one for one in plans if one.facts.bits_per_weight <= _LOSSLESS] or list(plans)
    fitting = sorted(
        (one for one in useful if one.fits), key=lambda one: one.facts.bytes, reverse=True
    )
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
