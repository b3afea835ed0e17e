"""The keys of all settings, without their descriptions, which take much longer to make."""

from collections.abc import Iterator, Mapping
from functools import cache
from inspect import isclass
from typing import Any, get_args

from pydantic import BaseModel

from localqwq.settings.schema import Settings


@cache
def known_keys() -> Mapping[str, frozenset[str]]:
    """Return the keys of all settings, such as ``sampling.top_p``.

    With a table or list of entries come the keys of an entry; with others, none.
    """
    found: dict[str, frozenset[str]] = {}
    for name, field in Settings.model_fields.items():
        if isclass(field.annotation) and issubclass(field.annotation, BaseModel):
            fields = field.annotation.model_fields.items()
            found |= {f"{name}.{key}": _parts(one.annotation) for key, one in fields}
        else:
            found[name] = _parts(field.annotation)
    return found


def _parts(annotation: Any) -> frozenset[str]:
    return frozenset(key for model in _models(annotation) for key in model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation such as ``dict[str, ModelSettings]``."""
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
