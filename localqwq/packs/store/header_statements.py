"""What a GGUF file's metadata states about its license, origin and sampling.

The keys are those of ``gguf-py/gguf/constants.py`` in llama.cpp. The values are foreign data:
whatever a manifest may not contain is left out.
"""

from collections.abc import Mapping
from itertools import count
from math import isfinite
from typing import Any

from localqwq.packs.manifest import MAX_SAMPLING, MAX_TEXT

_SAMPLING = "general.sampling."
_SOURCES = (
    "general.source.huggingface.repository",
    "general.source.repo_url",
    "general.source.url",
    "general.repo_url",
    "general.url",
)
"""Keys that name the checkpoint, the most specific first."""
_MOST_BASES = 16
_NUMBERS = (
    "temp", "top_k", "top_p", "min_p", "xtc_probability", "xtc_threshold",
    "penalty_last_n", "penalty_repeat",
)  # fmt: skip


def stated_license(metadata: Mapping[str, Any]) -> str | None:
    """Return the license's identifier, or its name if it has none."""
    found = _text(metadata, "general.license")
    return _text(metadata, "general.license.name") or found if found == "other" else found


def stated_source(metadata: Mapping[str, Any]) -> str | None:
    """Return the repository or page of the model it was made from."""
    return next((text for key in _SOURCES if (text := _text(metadata, key))), None)


def stated_bases(metadata: Mapping[str, Any]) -> list[str]:
    """Return the models it descends from: a page if there is one, else a name."""
    bases: list[str] = []
    for number in count():
        prefix = f"general.base_model.{number}."
        found = _text(metadata, prefix + "repo_url") or _text(metadata, prefix + "name")
        if found is None or len(bases) == _MOST_BASES:
            return bases
        bases.append(found)
    return bases


def stated_sampling(metadata: Mapping[str, Any]) -> dict[str, int | float]:
    """Return the recommended sampling, under GGUF's names."""
    found: dict[str, int | float] = {}
    for name in _NUMBERS:
        value = metadata.get(_SAMPLING + name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if isfinite(value) and abs(value) <= MAX_SAMPLING:
            # F32 has only seven digits: 0.6 instead of 0.6000000238418579.
            found[name] = value if isinstance(value, int) else float(f"{value:.7g}")
    return found


def _text(metadata: Mapping[str, Any], key: str) -> str | None:
    text = metadata.get(key)
    usable = isinstance(text, str) and 0 < len(text) <= MAX_TEXT and text.isprintable()
    return text if usable else None
