"""What a checkpoint's model card (``README.md``) says, as used by llama.cpp's converter.

The card starts with a YAML block; keys and rules are those of ``gguf.Metadata``
(``gguf-py/gguf/metadata.py`` in llama.cpp). A card is optional: whatever cannot be read in it is
left out, and never stops a conversion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localqwq_convert.hub.model_id import ModelId, parse_model_id

_LONGEST_BLOCK = 1 << 16
"""Maximum bytes of a block; real ones have a few kilobytes."""
_LONGEST_TEXT = 1000
_MOST_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The parts of a card that a GGUF repeats."""

    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    base_models: tuple[ModelId, ...] = ()
    datasets: tuple[ModelId, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


def read_model_card(directory: Path) -> ModelCard:
    """Return the card of the checkpoint in ``directory``, or an empty one."""
    try:
        with (directory / "README.md").open("rb") as file:
            text = file.read(_LONGEST_BLOCK).decode("utf-8", errors="replace")
    except OSError:
        return ModelCard()
    values = _front_matter(text)
    return ModelCard(
        license=",".join(_texts(values, "license")) or None,
        license_name=next(iter(_texts(values, "license_name")), None),
        license_link=next(iter(_texts(values, "license_link")), None),
        base_models=_models(values, ("base_model", "base_models", "base_model_sources")),
        datasets=_models(values, ("datasets", "dataset", "dataset_sources")),
        tags=(*_texts(values, "tags"), *_texts(values, "pipeline_tag")),
        languages=(*_texts(values, "languages"), *_texts(values, "language")),
    )


def _front_matter(text: str) -> Mapping[str, Any]:
    lines = text.splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        return {}
    block = "\n".join(lines[1 : lines.index("---", 1)]) + "\n"
    # Norway's code is YAML's word for false, and some cards have tabs.
    block = block.replace("- no\n", '- "no"\n').replace("\t", "  ")
    try:
        values = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _texts(values: Mapping[str, Any], key: str) -> list[str]:
    """Return the text or texts under a key."""
    found = values.get(key)
    entries = found if isinstance(found, list) else [found]
    return [
        entry.strip()
        for entry in entries[:_MOST_ENTRIES]
        if isinstance(entry, str) and 0 < len(entry.strip()) <= _LONGEST_TEXT
    ]


def _models(values: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[ModelId, ...]:
    key = next((key for key in keys if key in values), keys[0])
    return tuple(parse_model_id(text) for text in _texts(values, key))
