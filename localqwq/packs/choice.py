"""Which quantization to take, where nobody said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.packs.catalogue import Entry


@dataclass(frozen=True, slots=True)
class Choice:
    """A quantization, and why it is the one."""

    quant: str
    why: str
    """One sentence for people."""


class Choose(Protocol):
    """Knows this machine."""

    def of_entry(self, entry: Entry) -> Choice:
        """Of a model of the catalogue, before any server is asked."""

    def of_files(self, sizes: dict[str, int], peek: Callable[[str], ModelFacts | None]) -> Choice:
        """Of quantizations by their sizes in bytes; ``peek`` has a look at one of them."""


class ChooseUsual:
    """Knows nothing of the machine."""

    def of_entry(self, entry: Entry) -> Choice:
        """See ``Choose``."""
        return self._of(entry.quants)

    def of_files(self, sizes: dict[str, int], peek: Callable[[str], ModelFacts | None]) -> Choice:
        """See ``Choose``."""
        return self._of(tuple(sizes))

    def _of(self, quants: tuple[str, ...]) -> Choice:
        if not quants:
            raise LocalqwqError("There is no quantization to choose from.")
        quant = USUAL_QUANT if USUAL_QUANT in quants else quants[0]
        return Choice(quant, f"{quant} is what most people take.")
