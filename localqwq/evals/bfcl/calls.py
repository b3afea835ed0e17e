"""Whether the calls of an answer are the ones that were asked for.

What counts is what the leaderboard's authors count: for each parameter the data list the values
that are right, where an empty string says that it may be left out. Texts are compared without case,
spaces and the signs ``. , / - _ * ^``; a whole number passes for a decimal one and not the other
way round. Several calls may come in any order.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from localqwq.evals.bfcl.literals import Language, value_of
from localqwq.reasoning.events import ToolCall

_IGNORED = re.compile(r"[ ,./\-_*^]")
_OPTIONAL = ""
"""Among the right values of a parameter: it may be left out."""
_PYTHON_TYPES: dict[str, type] = {
    "integer": int,
    "float": float,
    "boolean": bool,
    "string": str,
    "any": str,
    "array": list,
    "tuple": list,
    "dict": dict,
    **dict.fromkeys(("byte", "short", "long", "Bigint"), int),
    "double": float,
    "Boolean": bool,
    **dict.fromkeys(("char", "String"), str),
    **dict.fromkeys(("Array", "ArrayList", "Queue", "Stack", "Set"), list),
    **dict.fromkeys(("HashMap", "Hashtable"), dict),
}
"""What the data call a type, also in Java and JavaScript, and what its values are here."""

Call = Mapping[str, Any]
"""A call that was made: ``name``, and ``arguments``, which are None if they are not JSON."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that is asked for."""

    name: str
    values: dict[str, list[Any]]
    """By parameter, the values that are right."""
    types: dict[str, str]
    """By parameter, the type that the function declares, as the data call it."""
    required: list[str]
    """Parameters that must be there."""
    language: Language = "python"
    """The language whose expressions the values are; those of Python are values of JSON."""
    items: dict[str, str] = field(default_factory=dict)
    """By parameter that is a list, the type of its elements."""


def plain_name(name: str) -> str:
    """Return a function's name without dots, which OpenAI's API does not allow."""
    return name.replace(".", "_")


def written(calls: Iterable[ToolCall]) -> str:
    """Return calls as a text that :func:`calls_of` reads."""
    return json.dumps([{"name": call.name, "arguments": _object(call.arguments)} for call in calls])


def calls_of(text: str) -> list[Call]:
    """Return the calls of a text."""
    return list(json.loads(text))


def expectation(wanted: Sequence[Wanted] | None) -> str:
    """Return what is wanted as a text that :func:`expected_calls` reads; None: any call at all."""
    return json.dumps(None if wanted is None else [asdict(call) for call in wanted])


def expected_calls(text: str) -> list[Wanted] | None:
    """Return what a text expects; None: any call at all."""
    found = json.loads(text)
    return None if found is None else [Wanted(**call) for call in found]


def are_right(wanted: Sequence[Wanted] | None, calls: Sequence[Call]) -> bool:
    """Return whether the calls are those that are wanted, and no others."""
    if wanted is None:
        return bool(calls)
    return len(wanted) == len(calls) and _can_be_paired(wanted, calls)


def is_right(wanted: Wanted, call: Call) -> bool:
    """Return whether one call is the one that is asked for."""
    arguments = call["arguments"]
    if plain_name(call["name"]) != plain_name(wanted.name) or not isinstance(arguments, dict):
        return False
    if any(name not in arguments for name in wanted.required):
        return False
    if any(name not in wanted.values for name in arguments):
        return False
    return all(
        _is_right_value(wanted, name, arguments[name]) if name in arguments else _OPTIONAL in right
        for name, right in wanted.values.items()
    )


def _can_be_paired(wanted: Sequence[Wanted], calls: Sequence[Call]) -> bool:
    if not wanted:
        return True
    first, *others = wanted
    return any(
        is_right(first, call) and _can_be_paired(others, [*calls[:place], *calls[place + 1 :]])
        for place, call in enumerate(calls)
    )


def _is_right_value(wanted: Wanted, name: str, value: Any) -> bool:
    right, declared = wanted.values[name], wanted.types.get(name, "")
    if wanted.language != "python":
        if not isinstance(value, str):
            return False
        value = value_of(value, declared, wanted.language, wanted.items.get(name))
    return _is_one_of(value, right, declared)


def _is_one_of(value: Any, right: Sequence[Any], declared: str) -> bool:
    return any(_has_type_of(value, one, declared) and _is_same(value, one) for one in right)


def _has_type_of(value: Any, right: Any, declared: str) -> bool:
    """Return whether a value has the declared type, or that of the right value.

    The latter is of another type where the name of a variable may be given.
    """
    allowed = {_PYTHON_TYPES.get(declared), type(right)}
    return type(value) in allowed or (declared == "float" and type(value) is int)


def _is_same(value: Any, right: Any) -> bool:
    """Compare a value with a right one, in which a dictionary lists the right ones by key."""
    if isinstance(right, dict):
        if not isinstance(value, dict) or value.keys() - right.keys():
            return False
        lists = {key: one if isinstance(one, list) else [one] for key, one in right.items()}
        return all(
            any(_is_equal(value[key], one) for one in found) if key in value else _OPTIONAL in found
            for key, found in lists.items()
        )
    if isinstance(right, list) and isinstance(value, list):
        return len(value) == len(right) and all(map(_is_same, value, right))
    return _is_equal(value, right)


def _is_equal(value: Any, right: Any) -> bool:
    if isinstance(value, str) and isinstance(right, str):
        return _normalised(value) == _normalised(right)
    if isinstance(value, list) and isinstance(right, list):
        return len(value) == len(right) and all(map(_is_equal, value, right))
    if isinstance(value, dict) and isinstance(right, dict):
        return value.keys() == right.keys() and all(
            _is_equal(value[key], right[key]) for key in right
        )
    return bool(isinstance(value, bool) == isinstance(right, bool) and value == right)


def _normalised(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
