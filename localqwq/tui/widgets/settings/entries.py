"""Entries that people create: presets and endpoints; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from localqwq.settings.describe import Setting

_NAME = Setting("name", "Name", "What you call it.", "text", False)


@dataclass(frozen=True, slots=True)
class Missing:
    """What an entry needs before it can be set."""

    part: str
    sentence: str


class Entries:
    """The entries of one table or list while they are edited.

    A new one may be incomplete, so it is kept here until it can be set.
    """

    def __init__(self, setting: Setting, value: Any) -> None:
        """Set up; ``value``: the setting's value."""
        self.setting = setting
        self.is_named = setting.kind == "table"
        self.parts = (_NAME, *setting.parts) if self.is_named else setting.parts
        self.drafts: list[dict[str, Any]] = [
            {"name": name, **_fields(entry)} for name, entry in _named(value)
        ]

    def shown(self, entry: int, part: Setting) -> Any:
        """Return the value of a field, or its default."""
        return self.drafts[entry].get(part.key, part.default)

    def is_changed(self, entry: int, part: Setting) -> bool:
        """Return whether an optional field is set."""
        return part.default != self.shown(entry, part) and part.key not in ("name", "url")

    def put(self, entry: int, part: Setting, value: object) -> None:
        """Set a field; its default is not written."""
        if value in (None, part.default):
            self.drafts[entry].pop(part.key, None)
        else:
            self.drafts[entry][part.key] = value

    def add(self) -> int:
        """Return the index of a new, empty entry."""
        self.drafts.append({})
        return len(self.drafts) - 1

    def value(self) -> object:
        """Return all entries in the setting's form."""
        if not self.is_named:
            return [dict(draft) for draft in self.drafts]
        return {
            draft.get("name", ""): {key: part for key, part in draft.items() if key != "name"}
            for draft in self.drafts
        }

    def problem(self, entry: int) -> Missing | None:
        """Return why the entry cannot be set yet."""
        draft = self.drafts[entry]
        if not draft.get("name"):
            return Missing("name", "It needs a name.")
        if [other.get("name") for other in self.drafts].count(draft["name"]) > 1:
            return Missing("name", f"There is already one called {draft['name']}.")
        if any(part.key == "url" for part in self.parts) and not draft.get("url"):
            return Missing("url", "It needs an address.")
        return None


def _named(value: Any) -> list[tuple[str, BaseModel]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return [(entry.name, entry) for entry in value]


def _fields(entry: BaseModel) -> dict[str, Any]:
    return entry.model_dump(exclude_none=True, exclude_defaults=True)
