"""Changing values in the text of a TOML document while keeping everything else."""

import re
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from copy import deepcopy
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item


def changed(text: str, values: Mapping[str, Any]) -> str | None:
    """Return the document with these values set, by keys such as ``sampling.top_p``.

    None removes a value. Returns None if the document has an unusual form that cannot be changed.
    """
    wanted = tomllib.loads(text)
    new = [key for key, value in values.items() if value is not None and _is_new(wanted, key)]
    for key, value in values.items():
        if not _set(wanted, key, deepcopy(value)):
            return None
    # An example in a comment is replaced by the value, unless it is part of a text.
    for start in (_uncommented(text, new), text):
        try:
            result = _written(start, values)
            if tomllib.loads(result) == wanted:
                return result
        except (ValueError, LookupError, TypeError, TOMLKitError):
            continue  # tomlkit does not support every form that the standard allows
    return None


def _written(text: str, values: Mapping[str, Any]) -> str:
    document = tomlkit.parse(text)
    for key, value in values.items():
        _set(document, key, value)
    return tomlkit.dumps(document)


def _set(tree: MutableMapping[str, Any], key: str, value: Any) -> bool:
    """Set or remove one value; return whether the key's sections are tables."""
    *sections, name = key.split(".")
    table: Any = tree
    for section in sections:
        if section not in table:
            if value is None:
                return True
            table[section] = tomlkit.table() if isinstance(tree, tomlkit.TOMLDocument) else {}
        table = table[section]
        if not isinstance(table, MutableMapping):
            return False
    if value is None:
        table.pop(name, None)
    elif isinstance(tree, tomlkit.TOMLDocument):
        _put(table, name, value)
    else:
        table[name] = value
    return True


def _put(table: MutableMapping[str, Any], name: str, value: Any) -> None:
    """Set a value in tomlkit's document; remaining entries keep their comments."""
    old = table.get(name)
    if isinstance(value, Mapping) and isinstance(old, MutableMapping):
        for gone in [key for key in old if key not in value]:
            del old[gone]
        for key, part in value.items():
            _put(old, key, part)
    elif isinstance(old, AoT) and _are_tables(value) and len(value):
        for entry, new in zip(old, value, strict=False):
            for gone in [key for key in entry if key not in new]:
                del entry[gone]
            for key, part in new.items():
                _put(entry, key, part)
        del old[len(value) :]
        for new in value[len(old) :]:
            old.append(_item(new))
    elif old is None or old != value or type(old) is not type(value):
        table[name] = _item(value)


def _item(value: Any) -> Item:
    if isinstance(value, str) and "\n" in value and "\r" not in value and value[0] != "\n":
        return tomlkit.string(value, multiline=True)
    if isinstance(value, Mapping):
        table = tomlkit.table()
        for key, part in value.items():
            table.add(key, _item(part))
        return table
    if _are_tables(value) and value:
        entries = tomlkit.aot()
        for part in value:
            entries.append(_item(part))
        return entries
    item: Item = tomlkit.item(value)
    return item


def _are_tables(value: Any) -> bool:
    return isinstance(value, Sequence) and all(isinstance(part, Mapping) for part in value)


def _is_new(tree: Any, key: str) -> bool:
    for name in key.split("."):
        if not isinstance(tree, Mapping) or name not in tree:
            return True
        tree = tree[name]
    return False


def _uncommented(text: str, keys: Sequence[str]) -> str:
    """Return the document without the ``# `` before the examples of these keys."""
    examples = {tuple(key.rpartition(".")[::2]) for key in keys}
    lines = text.split("\n")
    section = ""
    for number, line in enumerate(lines):
        if header := re.fullmatch(r"\s*\[([\w.-]+)\]\s*(#.*)?", line):
            section = header[1]
        if (found := re.match(r"# ([\w-]+) = ", line)) and (section, found[1]) in examples:
            lines[number] = line.removeprefix("# ")
            examples.remove((section, found[1]))
    return "\n".join(lines)
