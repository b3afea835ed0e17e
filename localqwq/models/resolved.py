"""The file that a model's name means, and names that are files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.models.outlook import Outlook
from localqwq.packs.pack_names import pack_name

if TYPE_CHECKING:
    from localqwq.packs import catalogue


class NotInstalledError(LocalqwqError):
    """The model can be downloaded but is not in the store; the sentence says how to get it."""

    def __init__(
        self, name: str, pull: str, entry: catalogue.Entry | None = None, quant: str = ""
    ) -> None:
        """Say that ``name`` is missing and ``localqwq pull PULL`` downloads it.

        ``entry``: what the catalogue has of it, with the quantization that was named, or "".
        """
        super().__init__(f"{name} is not installed: `localqwq pull {pull}` downloads it.")
        self.name, self.pull, self.entry, self.quant = name, pull, entry, quant


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """The GGUF file that a name means."""

    path: Path
    name: str
    quant: str
    outlook: Outlook | None = field(default=None, repr=False, compare=False)
    """The outlook used for choosing, if a choice was needed."""
    any_quant: bool = False
    """Whether no quantization was named, so that another may replace it."""

    @property
    def spec(self) -> str:
        """Its name for people and clients: ``name:QUANT``."""
        return f"{self.name}:{self.quant}"


def is_path(spec: str) -> bool:
    """Return whether a model's name is a file's path."""
    separators = {os.sep, os.altsep or os.sep}
    return spec.lower().endswith(".gguf") or spec.startswith("~") or bool(separators & set(spec))


def model_of_file(path: Path) -> ResolvedModel:
    """Return the model in a file; raises ``LocalqwqError`` if there is none."""
    if path.is_dir():
        raise LocalqwqError(
            f"{path} is a folder, not a .gguf file: name a file in it, install a pack with "
            f"`localqwq models add {path}`, or turn a checkpoint into one with `localqwq convert`."
        )
    if not path.exists():
        raise LocalqwqError(f"There is no file {path}.")
    facts = read_facts(path)
    return ResolvedModel(path, pack_name(path.stem, facts.quant), facts.quant)
