"""Choosing a quantization when none is named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.packs.catalogue import Entry


@dataclass(frozen=True, slots=True)
class Choice:
    """A quantization, and why it was chosen."""

    quant: str
    why: str
    """One sentence of explanation."""


class Choose(Protocol):
    """A way to choose a quantization."""

    def of_entry(self, entry: Entry) -> Choice:
        """Choose from a model in the catalogue, before any server is contacted."""

    def of_files(self, sizes: dict[str, int], peek: Callable[[str], ModelFacts | None]) -> Choice:
        """Choose from quantizations by their sizes in bytes; ``peek`` reads the header of one of
        them.
        """


class ChooseUsual:
    """Choose the usual quantization, without looking at the machine."""

    def of_entry(self, entry: Entry) -> Choice:
        """Implement ``Choose.of_entry``."""
        return self._of(entry.quants)

    def of_files(self, sizes: dict[str, int], peek: Callable[[str], ModelFacts | None]) -> Choice:
        """Implement ``Choose.of_files``."""
        return self._of(tuple(sizes))

    def _of(self, quants: tuple[str, ...]) -> Choice:
        if not quants:
            raise LocalqwqError("There is no quantization to choose from.")
        quant = USUAL_QUANT if USUAL_QUANT in quants else quants[0]
        return Choice(quant, f"{quant} is the usual choice.")
