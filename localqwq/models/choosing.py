"""Chooses the quantization to download by what suits this machine."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.models.outlook import Outlook, look
from localqwq.models.prospects import prospects
from localqwq.models.suiting import suiting
from localqwq.packs.catalogue import Entry
from localqwq.packs.choice import Choice, ChooseUsual
from localqwq.sizes import readable_size


class ChooseForHere:
    """Chooses for this machine, which is looked at once there is something to choose."""

    def __init__(self) -> None:
        self._outlook: Outlook | None = None

    def of_entry(self, entry: Entry) -> Choice:
        """See ``Choose``.

        Raises:
            LocalqwqError: no quantization fits here.
        """
        return self._of(entry.name, list(prospects(entry)))

    def of_files(self, sizes: dict[str, int], peek: Callable[[str], ModelFacts | None]) -> Choice:
        """See ``Choose``; all quantizations are taken to be laid out like one of them.

        Raises:
            LocalqwqError: no quantization fits here.
        """
        known = peek(USUAL_QUANT if USUAL_QUANT in sizes else next(reversed(sizes)))
        if known is None:
            return ChooseUsual().of_files(sizes, peek)
        return self._of(known.name, [_scaled(known, quant, size) for quant, size in sizes.items()])

    def _of(self, name: str, candidates: Sequence[ModelFacts]) -> Choice:
        if self._outlook is None:
            self._outlook = look()
        plans = [self._outlook.plan(facts) for facts in candidates]
        found = suiting(plans)
        if found is None:
            smallest = min(candidates, key=lambda facts: facts.bytes)
            raise LocalqwqError(
                f"{name} does not fit this machine, even in {smallest.quant} with "
                f"{readable_size(smallest.bytes)}: choose another model from `localqwq models`, "
                f"or name a quantization to download it anyway, such as {name}:{smallest.quant}."
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
