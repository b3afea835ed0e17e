"""Which quantization of a model suits this machine: a policy over the planner's plans."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine, detect
from localqwq.packs.catalogue import Entry
from localqwq.packs.choice import USUAL, Choice, ChooseUsual
from localqwq.planning.plan import Plan, plan
from localqwq.sizes import readable_size

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


class ChooseForHere:
    """Chooses for this machine, which is looked at once there is something to choose."""

    def __init__(self) -> None:
        self._machine: Machine | None = None

    def of_entry(self, entry: Entry) -> Choice:
        """See ``Choose``.

        Raises:
            LocalqwqError: no quantization fits here.
        """
        from localqwq.cli.offers import prospects

        return self._of(entry.name, list(prospects(entry)))

    def of_files(self, sizes: dict[str, int], peek: Callable[[str], ModelFacts | None]) -> Choice:
        """See ``Choose``; all quantizations are taken to be laid out like one of them.

        Raises:
            LocalqwqError: no quantization fits here.
        """
        known = peek(USUAL if USUAL in sizes else next(reversed(sizes)))
        if known is None:
            return ChooseUsual().of_files(sizes, peek)
        return self._of(known.name, [_scaled(known, quant, size) for quant, size in sizes.items()])

    def _of(self, name: str, candidates: Sequence[ModelFacts]) -> Choice:
        if self._machine is None:
            self._machine = detect()
        plans = [plan(facts, self._machine) for facts in candidates]
        found = suiting(plans)
        if found is None:
            smallest = min(candidates, key=lambda facts: facts.bytes)
            raise LocalqwqError(
                f"{name} does not fit this machine, even in {smallest.quant} with "
                f"{readable_size(smallest.bytes)}: choose another model from `localqwq models`, "
                f"or name a quantization to get it all the same, such as {name}:{smallest.quant}."
            )
        return Choice(
            found.facts.quant,
            f"{found.facts.quant} ({readable_size(found.facts.bytes)}) suits this machine best of "
            f"{len(plans)} quantizations. {found.why}",
        )


def _scaled(facts: ModelFacts, quant: str, size: int) -> ModelFacts:
    """The facts of another quantization, by its size alone."""
    ratio = size / facts.bytes
    return replace(
        facts,
        quant=quant,
        bytes=size,
        layer_bytes=tuple(round(one * ratio) for one in facts.layer_bytes),
        output_bytes=round(facts.output_bytes * ratio),
        input_bytes=round(facts.input_bytes * ratio),
        largest_matrix=round(facts.largest_matrix * ratio),
        matrix_bytes=(),  # of unknown types
    )
