"""Dataclasses as JSON values and back, checked against their annotations.

A dataclass becomes a list: its name, then the values of its fields. Bytes become text with one
character each. Plain JSON, since half a surrogate pair, which a model may write, has no UTF-8.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Decoder = Callable[[Any], Any]


class Malformed(ValueError):
    """A value does not fit its annotation."""


def encode(value: Any) -> Any:
    """Return a value of JSON; raises :class:`Malformed` for what has none."""
    match value:
        case None | str() | int() | float():
            return value
        case bytes():
            return value.decode("latin-1")
        case list() | tuple():
            return [encode(one) for one in value]
        case Mapping():
            return {key: encode(one) for key, one in value.items()}
        case Path():
            return str(value)
    kind = type(value)
    if not is_dataclass(kind):
        raise Malformed(f"{kind.__name__} has no JSON")
    return [kind.__name__, *(encode(getattr(value, name)) for name in _names(kind))]


@cache
def decoder(annotation: Any) -> Decoder:
    """Return what turns a value of JSON into one of this type, or raises :class:`Malformed`.

    Of unions, dataclasses are told apart by their names; else the first type that fits counts.
    """
    if (atom := _ATOMS.get(annotation)) is not None:
        return atom
    if is_dataclass(annotation):
        return _dataclass(annotation)
    if isinstance(annotation, type) and issubclass(annotation, dict):
        return _of(dict)  # a TypedDict, whose keys were checked where it was made
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin in (list, Sequence):
        return _list(decoder(arguments[0]))
    if origin in (dict, Mapping):
        return _dict(int if arguments[0] is int else str, decoder(arguments[1]))
    raise TypeError(f"{annotation} cannot be decoded")


def _of(*kinds: type) -> Decoder:
    def decode(value: Any) -> Any:
        if type(value) not in kinds:
            raise Malformed(f"{value!r:.80} is no {kinds[0].__name__}")
        return value

    return decode


_text = _of(str)


def _bytes(value: Any) -> bytes:
    try:
        return bytes(_text(value).encode("latin-1"))
    except UnicodeEncodeError:
        raise Malformed(f"{value!r:.80} stands for no bytes") from None


_ATOMS: Mapping[Any, Decoder] = {
    Any: lambda value: value,
    type(None): _of(type(None)),
    bool: _of(bool),
    int: _of(int),
    float: _of(float, int),
    str: _text,
    bytes: _bytes,
    Path: lambda value: Path(_text(value)),
}


def _is_dataclass(annotation: Any) -> bool:
    return is_dataclass(annotation)  # which mypy would narrow to what has no name


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _dataclass(kind: Any) -> Decoder:
    decoders: list[Decoder] = []  # made at the first use: a field may have the type itself

    def decode(value: Any) -> Any:
        if not decoders:
            hints = get_type_hints(kind)
            decoders.extend(decoder(hints[name]) for name in _names(kind))
        if type(value) is not list or len(value) != 1 + len(decoders) or value[0] != kind.__name__:
            raise Malformed(f"{value!r:.80} is no {kind.__name__}")
        return kind(*(one(part) for one, part in zip(decoders, value[1:], strict=True)))

    return decode


def _literal(allowed: tuple[Any, ...]) -> Decoder:
    def decode(value: Any) -> Any:
        if value not in allowed:
            raise Malformed(f"{value!r:.80} is none of {allowed}")
        return value

    return decode


def _union(members: tuple[Any, ...]) -> Decoder:
    named = {member.__name__: decoder(member) for member in members if _is_dataclass(member)}
    others = [decoder(member) for member in members if not _is_dataclass(member)]

    def decode(value: Any) -> Any:
        if type(value) is list and value and (found := named.get(str(value[0]))) is not None:
            return found(value)
        for one in others:
            try:
                return one(value)
            except Malformed:
                continue
        raise Malformed(f"{value!r:.80} is nothing that may be here")

    return decode


def _tuple(members: tuple[Any, ...]) -> Decoder:
    if members[1:] == (...,):
        each = _list(decoder(members[0]))
        return lambda value: tuple(each(value))
    decoders = [decoder(member) for member in members]

    def decode(value: Any) -> Any:
        if type(value) is not list or len(value) != len(decoders):
            raise Malformed(f"{value!r:.80} is not a list of {len(decoders)}")
        return tuple(one(part) for one, part in zip(decoders, value, strict=True))

    return decode


def _list(each: Decoder) -> Decoder:
    def decode(value: Any) -> Any:
        if type(value) is not list:
            raise Malformed(f"{value!r:.80} is not a list")
        return [each(one) for one in value]

    return decode


def _dict(key_type: Callable[[str], Any], each: Decoder) -> Decoder:
    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise Malformed(f"{value!r:.80} is not an object")
        try:
            return {key_type(key): each(one) for key, one in value.items()}
        except ValueError as error:
            raise Malformed(str(error)) from None

    return decode
