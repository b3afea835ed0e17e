"""What has to be known until it is over, in a quiet line above the prompt."""

from __future__ import annotations

from typing import Literal

from textual.content import Content
from textual.widgets import Static

from localqwq.visible import visible

Matter = Literal["conversations", "settings", "temporary"]
"""What a sentence is about; each has one at most."""


class Notice(Static, can_focus=False):
    """A line for each matter; not there while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._sentences: dict[Matter, str] = {}

    def tell(self, about: Matter, sentence: str) -> None:
        """Says this of a matter from now on; an empty sentence ends it."""
        if self._sentences.get(about, "") == sentence:
            return
        self._sentences[about] = sentence
        said = [visible(one) for one in self._sentences.values() if one]
        self.display = bool(said)
        self.update(Content("\n".join(f"○ {one}" for one in said)))
