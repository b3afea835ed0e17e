"""The facts in the headers of a pack's files that a model card has and a manifest does not."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.header import read_header
from localqwq.packs.manifest import MAX_TEXT, Manifest

ShowPrompt = Callable[[ModelFacts], str | None]
"""Returns a model's prompt for a small conversation; None if it cannot be shown."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,8})?")
_MOST_LANGUAGES = 200
_MOST_PROMPT = 4000
"""Maximum characters of a prompt on a card."""


@dataclass(frozen=True, slots=True)
class CardDetails:
    """Facts for a card that are not in the manifest."""

    languages: tuple[str, ...] = ()
    """ISO 639 codes."""
    importance: dict[str, str | None] = field(default_factory=dict)
    """For each quantization whose header was read: the text that its importance matrix was computed
    from, empty if unrecorded; None if no matrix was used.
    """
    prompt: str | None = None
    """The model's prompt for a small conversation."""


def details_of(directory: Path, manifest: Manifest, show_prompt: ShowPrompt) -> CardDetails:
    """Read the headers of a pack's files, skipping unreadable ones."""
    languages: tuple[str, ...] = ()
    importance: dict[str, str | None] = {}
    prompt: str | None = None
    for quant in manifest.quants:
        first = directory / manifest.parts(quant)[0].path
        with suppress(LocalqwqError):
            metadata = read_header(first).metadata
            importance[quant] = _importance(metadata)
            languages = languages or _languages(metadata)
            prompt = prompt or show_prompt(read_facts(first))
    if prompt is not None and len(prompt) > _MOST_PROMPT:
        prompt = None
    return CardDetails(languages, importance, prompt)


def _importance(metadata: dict[str, Any]) -> str | None:
    if not any(key.startswith("quantize.imatrix.") for key in metadata):
        return None
    dataset = metadata.get("quantize.imatrix.dataset")
    if not isinstance(dataset, str) or not dataset.isprintable() or len(dataset) > MAX_TEXT:
        return ""
    return dataset.replace("\\", "/").rpartition("/")[2]


def _languages(metadata: dict[str, Any]) -> tuple[str, ...]:
    found = metadata.get("general.languages")
    if not isinstance(found, list):
        return ()
    codes = [one for one in found if isinstance(one, str) and _LANGUAGE.fullmatch(one)]
    return tuple(dict.fromkeys(codes))[:_MOST_LANGUAGES]
