"""Recommended sampling, from a checkpoint's ``generation_config.json``."""

from collections.abc import Mapping
from typing import Any

from localqwq_convert.known_models import find_known_model
from localqwq_convert.notes import Note, silent

SAMPLING_KEYS: tuple[tuple[str, str, type[int] | type[float]], ...] = (
    ("top_k", "top_k", int),
    ("top_p", "top_p", float),
    ("min_p", "min_p", float),
    ("temperature", "temp", float),
    ("repetition_penalty", "penalty_repeat", float),
)
"""Key in ``generation_config.json``, key in GGUF, and type; in GGUF's order."""


def read_sampling(
    generation_config: Mapping[str, Any], config: Mapping[str, Any], note: Note = silent
) -> dict[str, int | float]:
    """Return the GGUF's recommended sampling, under its names and in its order.

    Recommendations of a known model's makers fill gaps in the file and replace invalid values,
    which ``note`` is told about.
    """
    known = find_known_model(config)
    recommended = known.sampling if known else {}
    found: dict[str, int | float] = {}
    for source, target, kind in SAMPLING_KEYS:
        value = generation_config.get(source)
        if value is not None and not _makes_sense(value, kind):
            note(
                f"generation_config.json has a {source} of {ascii(value)[:40]}, which is no "
                f"{'whole ' if kind is int else ''}number that makes sense: it is left out."
            )
            value = None
        if value is None:
            value = recommended.get(target)
        if value is not None:
            found[target] = int(value) if kind is int else float(value)
    return found


def _makes_sense(value: Any, kind: type[int] | type[float]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        return False
    return kind is float or float(value).is_integer()
