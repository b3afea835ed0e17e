"""Choosing the quantization to download for this machine."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.models.outlook import Outlook, look
from localqwq.models.prospects import prospects
from localqwq.models.suiting import LEAST_CONTEXT, leaves_too_little, plans_at_rest, suiting
from localqwq.packs.catalogue import Entry
from localqwq.packs.choice import Choice, ChooseUsual
from localqwq.planning.plan import Plan
from localqwq.sizes import readable_size


class ChooseForHere:
    """Choose for this machine, which is probed only when there is something to choose."""

    def __init__(self) -> None:
        self._outlook: Outlook | None = None

    def of_entry(self, entry: Entry) -> Choice:
        """Implement ``Choose.of_entry``.

        Raises:
            LocalqwqError: no quantization fits here.
        """
        return self._of(entry.name, list(prospects(entry)))

    def of_files(self, sizes: dict[str, int], peek: Callable[[str], ModelFacts | None]) -> Choice:
        """Implement ``Choose.of_files``, assuming that all quantizations are laid out alike.

        Raises:
            LocalqwqError: no quantization fits here.
        """
        known = peek(USUAL_QUANT if USUAL_QUANT in sizes else next(reversed(sizes)))
        if known is None:
            return ChooseUsual().of_files(sizes, peek)
        return self._of(known.name, [scaled(known, quant, size) for quant, size in sizes.items()])

    def _of(self, name: str, candidates: Sequence[ModelFacts]) -> Choice:
        if self._outlook is None:
            self._outlook = look()
        plans = plans_at_rest(candidates, self._outlook)
        found = suiting(plans)
        if found is None:
            smallest = min(candidates, key=lambda facts: facts.bytes)
            raise LocalqwqError(
                f"{name} does not fit this machine, even in {smallest.quant} with "
                f"{readable_size(smallest.bytes)}: choose another model from `localqwq models`, "
                f"or name a quantization to download it anyway, such as {name}:{smallest.quant}."
            )
        return Choice(found.facts.quant, self._why(found, plans))

    def _why(self, found: Plan, plans: Sequence[Plan]) -> str:
        """Return sentences about the choice, and about how it would run right now."""
        assert self._outlook is not None
        quant, size = found.facts.quant, readable_size(found.facts.bytes)
        sentences = [f"{quant} ({size}) suits this machine best of {len(plans)} quantizations."]
        if leaves_too_little(found):
            sentences.append(
                f"Even so, there is room for only {found.context:,} tokens of context."
            )
        elif _is_small_for_context(found, plans):
            sentences.append(
                f"A larger one would leave less than {LEAST_CONTEXT:,} tokens of context."
            )
        now = self._outlook.plan(found.facts)
        if not now.fits:
            sentences.append("At the moment, other programs use too much memory.")
        return " ".join([*sentences, now.why])


def _is_small_for_context(found: Plan, plans: Sequence[Plan]) -> bool:
    """Return whether a larger quantization was passed over only because of its context."""
    larger = (one for one in plans if one.facts.bytes > found.facts.bytes)
    return any(one.fits and leaves_too_little(one) for one in larger)


def scaled(facts: ModelFacts, quant: str, size: int) -> ModelFacts:
    """Return the facts of another quantization, derived from its size alone."""
    ratio = size / facts.bytes
    return replace(
        facts,
        quant=quant,
        bytes=size,
        layer_bytes=tuple(round(one * ratio) for one in facts.layer_bytes),
        output_bytes=round(facts.output_bytes * ratio),
        input_bytes=round(facts.input_bytes * ratio),
        largest_matrix=round(facts.largest_matrix * ratio),
        output_matrix=round(facts.output_matrix * ratio),
        matrix_bytes=(),  # of unknown types
    )
