"""Calls that are right, and calls that are nearly right."""

from collections.abc import Iterator, Sequence
from typing import Any

from localqwq.evals.bfcl.calls import Wanted

Call = dict[str, Any]


def right_calls(wanted: Sequence[Wanted]) -> Iterator[list[Call]]:
    """Yield the calls with each right value of each parameter, in both orders."""
    usual = [_call(one) for one in wanted]
    yield usual
    yield usual[::-1]
    for place, one in enumerate(wanted):
        for name, values in one.values.items():
            for value in values:
                arguments = {**usual[place]["arguments"], name: _plain(value)}
                if value == "":
                    if name in one.required:
                        continue
                    del arguments[name]
                yield [
                    *usual[:place],
                    {"name": one.name, "arguments": arguments},
                    *usual[place + 1 :],
                ]


def wrong_calls(wanted: Sequence[Wanted]) -> Iterator[list[Call]]:
    """Yield the calls with one thing wrong in each."""
    usual = [_call(one) for one in wanted]
    yield usual[1:]
    yield [*usual, usual[0]]
    for place, one in enumerate(wanted):

        def with_it(call: Call, place: int = place) -> list[Call]:
            return [*usual[:place], call, *usual[place + 1 :]]

        arguments = usual[place]["arguments"]
        yield with_it({"name": one.name + "_", "arguments": arguments})
        yield with_it({"name": one.name, "arguments": None})
        yield with_it({"name": one.name, "arguments": {**arguments, "not_declared": 1}})
        for name, values in one.values.items():
            rest = {key: value for key, value in arguments.items() if key != name}
            if name in one.required or "" not in values:
                yield with_it({"name": one.name, "arguments": rest})
            for value in values:
                other = _other(_plain(value), one.types.get(name, ""))
                if other not in values:
                    yield with_it({"name": one.name, "arguments": {**rest, name: other}})


def _call(one: Wanted) -> Call:
    given = {
        name: _plain(next((value for value in values if value != ""), ""))
        for name, values in one.values.items()
        if name in one.required or any(value != "" for value in values)
    }
    return {"name": one.name, "arguments": given}


def _plain(right: Any) -> Any:
    """Return a value that is right, where those in dictionaries are listed."""
    if isinstance(right, dict):
        lists = {key: one if isinstance(one, list) else [one] for key, one in right.items()}
        return {
            key: next((one for one in found if one != ""), "")
            for key, found in lists.items()
            if any(one != "" for one in found) or "" not in found
        }
    if isinstance(right, list):
        return [_plain(one) for one in right]
    return right


def _other(value: Any, declared: str) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int) and declared == "integer":
        return float(value)
    if isinstance(value, int | float):
        return value + 1_000_003
    if isinstance(value, list):
        return [*value, "something else"]
    if isinstance(value, dict):
        return {**value, "something else": 1}
    return f"{value} and something else"
