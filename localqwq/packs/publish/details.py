"""What a model card has and a manifest does not: from the files' headers, and published."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.header import read_header
from localqwq.packs import catalogue
from localqwq.packs.catalogue import PublishedFigure
from localqwq.packs.manifest import MAX_TEXT, Manifest

ShowPrompt = Callable[[ModelFacts], str | None]
"""Returns a model's prompt for a small conversation; None if it cannot be shown."""
_HUB_ID = re.compile(r"(?:https?://huggingface\.co/)?([\w-][\w.-]*/[\w-][\w.-]*)/?", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,8})?")
_MOST_LANGUAGES = 200
_MOST_PROMPT = 4000
"""Maximum characters of a prompt on a card."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Which quantization to take with so much memory."""

    memory: str
    """``16 GB``."""
    choices: tuple[str, ...]
    """One for each kind of computer, in the order of :data:`COMPUTERS`."""


COMPUTERS = ("On a graphics card", "On a Mac", "On a processor")
Advise = Callable[[Sequence[ModelFacts], Mapping[str, int]], Sequence[Advice]]
"""Returns advice, for the facts of some quantizations and the bytes of all."""


def no_advice(_: Sequence[ModelFacts], __: Mapping[str, int]) -> Sequence[Advice]:
    """Return none."""
    return ()


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
    facts: tuple[ModelFacts, ...] = ()
    """Of the quantizations whose header was read."""
    advise: Advise = no_advice
    published: tuple[PublishedFigure, ...] = ()
    """What is known of the model that was quantized."""


def bases(manifest: Manifest) -> list[str]:
    """Return hub ids of the quantized model: the checkpoint if it came from there, else its
    bases.
    """
    for texts in ([manifest.source or ""], manifest.base_models):
        if found := [match[1] for text in texts if (match := _HUB_ID.fullmatch(text))]:
            return found
    return []


def details_of(
    directory: Path, manifest: Manifest, show_prompt: ShowPrompt, advise: Advise = no_advice
) -> CardDetails:
    """Read the headers of a pack's files, skipping unreadable ones, and look into the catalogue."""
    facts: list[ModelFacts] = []
    languages: tuple[str, ...] = ()
    importance: dict[str, str | None] = {}
    prompt: str | None = None
    for quant in manifest.quants:
        first = directory / manifest.parts(quant)[0].path
        with suppress(LocalqwqError):
            metadata = read_header(first).metadata
            importance[quant] = _importance(metadata)
            languages = languages or _languages(metadata)
            facts.append(read_facts(first))
            prompt = prompt or show_prompt(facts[-1])
    if prompt is not None and len(prompt) > _MOST_PROMPT:
        prompt = None
    return CardDetails(
        languages, importance, prompt, tuple(facts), advise, tuple(_published(manifest))
    )


def _published(manifest: Manifest) -> list[PublishedFigure]:
    base = next(iter(bases(manifest)), "").casefold()
    known = (one for one in catalogue.entries() if one.base_model.casefold() == base)
    return next((one.figures for one in known), [])


def _importance(metadata: Mapping[str, Any]) -> str | None:
    if not any(key.startswith("quantize.imatrix.") for key in metadata):
        return None
    dataset = metadata.get("quantize.imatrix.dataset")
    if not isinstance(dataset, str) or not dataset.isprintable() or len(dataset) > MAX_TEXT:
        return ""
    return dataset.replace("\\", "/").rpartition("/")[2]


def _languages(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    found = metadata.get("general.languages")
    if not isinstance(found, list):
        return ()
    codes = [one for one in found if isinstance(one, str) and _LANGUAGE.fullmatch(one)]
    return tuple(dict.fromkeys(codes))[:_MOST_LANGUAGES]
