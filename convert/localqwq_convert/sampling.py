"""How tokens should be chosen, from a checkpoint's ``generation_config.json``."""

from collections.abc import Mapping
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.known_models import find_known_model

SAMPLING_KEYS: tuple[tuple[str, str, type[int] | type[float]], ...] = (
    ("top_k", "top_k", int),
    ("top_p", "top_p", float),
    ("min_p", "min_p", float),
    ("temperature", "temp", float),
    ("repetition_penalty", "penalty_repeat", float),
)
"""Key in ``generation_config.json``, key in GGUF, and type; in GGUF's order."""


def read_sampling(
    generation_config: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, int | float]:
    """What the GGUF recommends, under its names and in its order.

    What the makers of a known model recommend beyond the file is added where the file is silent.

    Raises:
        LocalqwqError: a value that is no number.
    """
    known = find_known_model(config)
    recommended = known.sampling if known else {}
    found: dict[str, int | float] = {}
    for source, target, kind in SAMPLING_KEYS:
        value = generation_config.get(source)
        if value is None:
            value = recommended.get(target)
        if value is not None:
            found[target] = _checked(source, value, kind)
    return found


def _checked(key: str, value: Any, kind: type[int] | type[float]) -> int | float:
    kinds = int if kind is int else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not abs(value) < 1e6:
        raise LocalqwqError(
            f"generation_config.json has a {key} of {ascii(value)[:40]}: it should be "
            f"a {'whole ' if kind is int else ''}number."
        )
    return value if kind is int else float(value)
