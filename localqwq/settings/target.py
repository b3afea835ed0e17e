"""What a settings screen changes: the file, or one conversation's own values."""

from collections.abc import Mapping
from typing import Protocol

from localqwq.settings.describe import settings as described
from localqwq.settings.file import SettingsFile
from localqwq.settings.repair import overridden
from localqwq.settings.schema import Settings, is_overridable, value_of
from localqwq.settings.values import checked


class Target(Protocol):
    """Values that can be set and reset."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""

    def has(self, key: str) -> bool:
        """Return whether the setting can be changed here."""

    def is_changed(self, key: str) -> bool:
        """Return whether the setting has its own value here."""

    def shown(self, key: str) -> object:
        """Return the content of the setting's field."""

    def usual(self, key: str) -> object:
        """Return the value in force without an own value."""

    def change(self, values: Mapping[str, object]) -> None:
        """Set values by key; None resets one; raises LocalqwqError."""


class FileTarget:
    """The general settings, in their file."""

    def __init__(self, file: SettingsFile) -> None:
        """Read the file."""
        self.file = file
        self.settings = file.read()

    def has(self, key: str) -> bool:
        """Return True for all settings."""
        return True

    def is_changed(self, key: str) -> bool:
        """Return whether the value differs from the default."""
        return bool(value_of(self.settings, key) != self.usual(key))

    def shown(self, key: str) -> object:
        """Return the value in force."""
        return value_of(self.settings, key)

    def usual(self, key: str) -> object:
        """Return the default."""
        return described()[key].default

    def change(self, values: Mapping[str, object]) -> None:
        """Write the file; default values are removed from it."""
        self.settings = self.file.change_all(
            {key: None if value == self.usual(key) else value for key, value in values.items()}
        )

    def reread(self) -> None:
        """Read changes made by hand."""
        self.settings = self.file.read()


class ConversationTarget:
    """The values that one conversation overrides."""

    def __init__(self, everybody: Settings, own: Mapping[str, object]) -> None:
        """Set up; ``own``: values by keys such as ``sampling.top_p``."""
        self._everybody = everybody
        self.own = dict(own)

    @property
    def settings(self) -> Settings:
        """The general settings with its own values."""
        return overridden(self._everybody, self.own)

    def has(self, key: str) -> bool:
        """Return whether a conversation may override it."""
        return is_overridable(key)

    def is_changed(self, key: str) -> bool:
        """Return whether it has its own value, even if that is the same."""
        return key in self.own

    def shown(self, key: str) -> object:
        """Return its own value; without one, nothing in fields that can be empty."""
        is_text = described()[key].kind not in ("switch", "choice") and key != "prompts.preset"
        if is_text and key not in self.own:
            return None
        return value_of(self.settings, key)

    def usual(self, key: str) -> object:
        """Return the general value."""
        return value_of(self._everybody, key)

    def change(self, values: Mapping[str, object]) -> None:
        """Set the values."""
        for key, value in values.items():
            checked(key, value)
        self.own |= values
        self.own = {key: value for key, value in self.own.items() if value is not None}
