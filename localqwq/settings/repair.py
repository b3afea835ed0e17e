"""Values that may be invalid: valid ones are used, and the others reported."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from localqwq.settings.describe import Setting, settings
from localqwq.settings.keys import known_keys
from localqwq.settings.schema import Settings, is_overridable

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Repaired(Generic[Model]):
    """A model built from the valid values."""

    value: Model
    read: Mapping[str, Any]
    """The values it was built from, without the invalid ones."""
    problems: tuple[str, ...] = ()
    """One clause for each problem, such as ``sampling.top_p must be …``."""


def repaired(model: type[Model], values: Mapping[str, Any]) -> Repaired[Model]:
    """Return the model with defaults for invalid ``values``; invalid list entries are left out."""
    tree = deepcopy(dict(values))
    problems: list[str] = []
    while True:
        try:
            return Repaired(model.model_validate(tree), tree, tuple(problems))
        except ValidationError as error:
            found = error.errors(include_url=False)
            problems += [problem(failure) for failure in found]
            wrong = {_wrong_part(tree, failure["loc"]) for failure in found}
            if () in wrong:
                raise
        # From the last one, so that removing one does not move the others.
        for path in sorted(wrong, key=_position, reverse=True):
            _leave_out(tree, path)


def overridden(base: Settings, values: Mapping[str, object]) -> Settings:
    """Return settings with a conversation's own values, by keys such as ``sampling.top_p``.

    Values that are invalid or not overridable are left out: they may come from another version.
    """
    tree = base.model_dump()
    for key, value in values.items():
        section, _, name = key.partition(".")
        if is_overridable(key) and isinstance(tree.get(section), dict):
            tree[section] = {**tree[section], name: value}
    return repaired(Settings, tree).value


def unknown(tree: Mapping[str, Any]) -> list[str]:
    """Return one clause for each unknown key, most likely a typing error."""
    known = known_keys()
    sections = {key.partition(".")[0] for key in known} - known.keys()
    found: list[str] = []
    for name, value in tree.items():
        inside = [f"{name}.{key}" for key in value] if name in sections else [name]
        found += [f"there is no setting {key}" for key in inside if key not in known]
        for key in inside:
            entries = tree[name] if key == name else value[key.partition(".")[2]]
            found += [f"there is no setting {one}" for one in _unknown_parts(key, entries)]
    return found


def _unknown_parts(key: str, entries: Any) -> list[str]:
    """Return the unknown keys in the entries of a table or list, such as ``models.demo.threds``."""
    parts = known_keys().get(key)
    if not parts:
        return []
    named = entries.items() if isinstance(entries, dict) else enumerate(entries, 1)
    return [
        f"{key}.{name}.{part}"
        for name, entry in named
        if isinstance(entry, dict)
        for part in entry
        if part not in parts
    ]


def _setting(path: Sequence[Any]) -> Setting | None:
    """Return the setting at a path, also of an entry of a table or list."""
    keys = [".".join(map(str, path[:depth])) for depth in range(1, len(path) + 1)]
    if (whole := settings().get(keys[-1])) is not None:
        return whole
    tables = (settings()[key] for key in keys if key in settings())
    return next((part for table in tables for part in table.parts if part.key == path[-1]), None)


def problem(failure: Any) -> str:
    """Return the meaning of a pydantic error for people: the key and what its value must be."""
    key = ""
    for part in failure["loc"]:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        elif part != "[key]":
            key += f".{part}" if key else part
    known = _setting([part for part in failure["loc"] if part != "[key]"])
    match failure["type"]:
        case "value_error":
            return f"{key} {failure['ctx']['error']}"
        case "missing":
            return f"{key} is missing"
        case "string_too_long":
            return f"{key} must have at most {failure['ctx']['max_length']:,} characters"
    if known is not None:
        return f"{key} must be {known.wanted}"
    kind = failure["type"].removesuffix("_type").removesuffix("_parsing")
    return f"{key} must be {_KINDS.get(kind, 'something else')}"


_NAMED = {("keys",), ("models",), ("prompts", "presets")}
"""Tables whose entries are named by people."""
_KINDS = {"string": "text", "bool": "true or false", "model": "a table", "dict": "a table"}


def _wrong_part(tree: Mapping[str, Any], path: Sequence[Any]) -> tuple[Any, ...]:
    """Return the part of ``path`` to remove; in a list or table of entries, up to the whole
    entry.
    """
    node: Any = tree
    for depth, part in enumerate(path):
        if isinstance(node, list) or tuple(path[:depth]) in _NAMED:
            return tuple(path[: depth + 1])
        if not (isinstance(node, dict) and part in node):
            return tuple(path[:depth])
        node = node[part]
    return tuple(path)


def _leave_out(tree: dict[str, Any], path: tuple[Any, ...]) -> None:
    node: Any = tree
    for part in path[:-1]:
        node = node[part]
    del node[path[-1]]


def _position(path: tuple[Any, ...]) -> list[tuple[int, str]]:
    """Return the sort key of a path, with list entries by position."""
    return [(part, "") if isinstance(part, int) else (-1, str(part)) for part in path]
