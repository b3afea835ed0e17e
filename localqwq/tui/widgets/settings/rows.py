"""Which rows show which settings, with their current values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Static

from localqwq.settings.describe import Setting, groups
from localqwq.settings.schema import value_of
from localqwq.settings.target import FileTarget, Target
from localqwq.tui.commands.table import TABLE
from localqwq.tui.widgets.settings.entries import Entries, Missing
from localqwq.tui.widgets.settings.row import SettingRow, usual_text


@dataclass(frozen=True, slots=True)
class Section:
    """Settings under one heading."""

    title: str
    help: str
    settings: tuple[Setting, ...]


def sections(target: Target) -> list[Section]:
    """Return all settings that can be set here, by section."""
    found = []
    for group in groups():
        settings = tuple(one for one in group.settings if target.has(one.key))
        if settings:
            found.append(Section(group.title, group.help, settings))
    return found


def matching(target: Target, words: str) -> list[Section]:
    """Return the settings whose name, key or help contains all words."""
    wanted = words.casefold().split()

    def fits(section: Section, one: Setting) -> bool:
        parts = " ".join(f"{part.title} {part.help}" for part in one.parts)
        text = f"{section.title} {one.title} {one.key} {one.help} {parts}".casefold()
        return all(word in text for word in wanted)

    return _only(target, fits)


def changed(target: Target) -> list[Section]:
    """Return the settings that have values of their own."""
    return _only(target, lambda _, one: target.is_changed(one.key))


def _only(target: Target, fits: Callable[[Section, Setting], bool]) -> list[Section]:
    """Return the sections with only the matching settings, without their help."""
    found = []
    for section in sections(target):
        settings = tuple(one for one in section.settings if fits(section, one))
        if settings:
            found.append(Section(section.title, "", settings))
    return found


class Rows:
    """Creates the rows of settings, and converts their input to values."""

    def __init__(self, target: Target, themes: Sequence[str]) -> None:
        """Set up; ``themes``: the names of the available ones."""
        self._target = target
        self._themes = themes
        self._entries: dict[str, Entries] = {}

    def of(self, shown: Iterable[Section]) -> Iterator[Widget]:
        """Yield the widgets of these sections."""
        self._entries.clear()
        for section in shown:
            yield Static(section.title, classes="group", markup=False)
            if section.help and [one.help for one in section.settings] != [section.help]:
                yield Static(section.help, classes="quiet", markup=False)
            for setting in section.settings:
                yield from self._rows(setting)

    def row(self, setting: Setting) -> SettingRow:
        """Return the row of a single-value setting."""
        return SettingRow(
            setting,
            self._target.shown(setting.key),
            changed=self._target.is_changed(setting.key),
            usual=self._usual(setting),
            choices=self._choices(setting.key),
        )

    def refresh(self, row: SettingRow) -> None:
        """Show the setting's current value."""
        key = row.setting.key
        if row.entry is not None:
            entries = self._entries[row.table]
            value: object = entries.shown(row.entry, row.setting)
            is_changed = entries.is_changed(row.entry, row.setting)
            row.show(value, changed=is_changed, usual=usual_text(row.setting))
        elif row.table:
            own = self._target.settings.keys.get(key, "")
            row.show(own, changed=bool(own), usual=row.usual)
        else:
            value = self._target.shown(key)
            is_changed = self._target.is_changed(key)
            row.show(value, changed=is_changed, usual=self._usual(row.setting))

    def offer(self, row: SettingRow) -> None:
        """Show the current choices."""
        if not row.table and (choices := self._choices(row.setting.key)):
            row.offer(choices)

    def values(self, row: SettingRow, value: object) -> Mapping[str, object] | Missing:
        """Return what to set when ``value`` was entered, or why nothing can be set yet."""
        if row.entry is not None:
            entries = self._entries[row.table]
            entries.put(row.entry, row.setting, value)
            return entries.problem(row.entry) or {row.table: entries.value()}
        if row.table:
            return self._key(row.setting.key, str(value or "").strip())
        return {row.setting.key: value}

    def add(self, table: str) -> list[Widget]:
        """Return the rows of a new entry."""
        entries = self._entries[table]
        return list(self._entry(entries, entries.add()))

    def remove(self, table: str, entry: int) -> Mapping[str, object] | None:
        """Return what to set without this entry; None if it was never set."""
        entries = self._entries[table]
        was_whole = not entries.problem(entry)
        del entries.drafts[entry]
        return {table: entries.value()} if was_whole else None

    def _rows(self, setting: Setting) -> Iterator[Widget]:
        if setting.kind not in ("table", "list"):
            yield self.row(setting)
            return
        yield Static(setting.help, classes="quiet", markup=False)
        if not setting.parts:
            yield from self._keys()
            return
        entries = Entries(setting, value_of(self._target.settings, setting.key))
        self._entries[setting.key] = entries
        for entry in range(len(entries.drafts)):
            yield from self._entry(entries, entry)
        yield AddButton(setting.key)

    def _entry(self, entries: Entries, entry: int) -> Iterator[Widget]:
        for part in entries.parts:
            yield SettingRow(
                part,
                entries.shown(entry, part),
                changed=entries.is_changed(entry, part),
                usual=usual_text(part),
                entry=entry,
                table=entries.setting.key,
            )
        yield RemoveButton(entries.setting.key, entry)

    def _keys(self) -> Iterator[Widget]:
        own = self._target.settings.keys
        for command in TABLE:
            yield SettingRow(
                Setting(command.id, command.title, command.help, "text", True),
                own.get(command.id, ""),
                changed=command.id in own,
                usual=command.keys or "no key",
                table="keys",
            )

    def _key(self, command: str, key: str) -> Mapping[str, object] | Missing:
        own = {**self._target.settings.keys, command: key}
        for other in TABLE:
            taken = own.get(other.id, other.keys).split(",")
            if key and other.id != command and set(taken) & set(key.split(",")):
                sentence = (
                    f"{key} is already the key for “{other.title}”; give that another key first."
                )
                return Missing(command, sentence)
        return {"keys": {name: keys for name, keys in own.items() if keys}}

    def _choices(self, key: str) -> Sequence[str]:
        settings = self._target.settings
        match key:
            case "appearance.theme":
                return self._themes
            case "prompts.preset":
                return tuple(settings.prompts.known())
            case "endpoint":
                return tuple(endpoint.name for endpoint in settings.endpoints)
        return ()

    def _usual(self, setting: Setting) -> str:
        if not isinstance(self._target, FileTarget):
            value = self._target.usual(setting.key)
            if value not in (None, ""):
                return f"general setting: {value}"
        return usual_text(setting)


class AddButton(Horizontal):
    """Creates an entry."""

    def __init__(self, table: str) -> None:
        super().__init__(Button("+ Add one", compact=True, classes="add"))
        self.table = table


class RemoveButton(Horizontal):
    """Removes an entry."""

    def __init__(self, table: str, entry: int) -> None:
        super().__init__(Button("× Remove it", compact=True, classes="remove"))
        self.table = table
        self.entry = entry
