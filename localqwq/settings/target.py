"""What a settings screen changes: the file, or one conversation's own values."""

from collections.abc import Mapping
from typing import Protocol

from localqwq.settings.describe import settings as described
from localqwq.settings.file import SettingsFile
from localqwq.settings.repair import overridden
from localqwq.settings.schema import Settings, is_overridable, value_of
from localqwq.settings.values import checked


class Target(Protocol):
    """Values that can be set and taken back."""

    @property
    def settings(self) -> Settings:
        """What is in force now."""

    def has(self, key: str) -> bool:
        """Whether the setting can be changed here."""

    def is_changed(self, key: str) -> bool:
        """Whether the setting has a value of its own here."""

    def shown(self, key: str) -> object:
        """What stands in the setting's field."""

    def usual(self, key: str) -> object:
        """What is in force without a value of its own."""

    def change(self, values: Mapping[str, object]) -> None:
        """Set values by their keys, and None takes one back; raises LocalqwqError."""


class FileTarget:
    """The settings of everybody, in their file."""

    def __init__(self, file: SettingsFile) -> None:
        """Reads the file."""
        self.file = file
        self.settings = file.read()

    def has(self, key: str) -> bool:
        """All of them."""
        return True

    def is_changed(self, key: str) -> bool:
        """Other than the default."""
        return bool(value_of(self.settings, key) != self.usual(key))

    def shown(self, key: str) -> object:
        """What is in force."""
        return value_of(self.settings, key)

    def usual(self, key: str) -> object:
        """The default."""
        return described()[key].default

    def change(self, values: Mapping[str, object]) -> None:
        """Writes the file; a default is taken out of it."""
        self.settings = self.file.change_all(
            {key: None if value == self.usual(key) else value for key, value in values.items()}
        )

    def reread(self) -> None:
        """Takes over what was changed by hand."""
        self.settings = self.file.read()


class ConversationTarget:
    """The values that one conversation has otherwise than the others."""

    def __init__(self, everybody: Settings, own: Mapping[str, object]) -> None:
        """`own`: by keys such as `sampling.top_p`."""
        self._everybody = everybody
        self.own = dict(own)

    @property
    def settings(self) -> Settings:
        """Everybody's with its own."""
        return overridden(self._everybody, self.own)

    def has(self, key: str) -> bool:
        """Only what may differ between conversations."""
        return is_overridable(key)

    def is_changed(self, key: str) -> bool:
        """Whether it has its own value, even if that is the same."""
        return key in self.own

    def shown(self, key: str) -> object:
        """Its own value; where it has none, nothing in fields that can be empty."""
        is_text = described()[key].kind not in ("switch", "choice") and key != "prompts.preset"
        if is_text and key not in self.own:
            return None
        return value_of(self.settings, key)

    def usual(self, key: str) -> object:
        """Everybody's value."""
        return value_of(self._everybody, key)

    def change(self, values: Mapping[str, object]) -> None:
        """Takes the values in."""
        for key, value in values.items():
            checked(key, value)
        self.own |= values
        self.own = {key: value for key, value in self.own.items() if value is not None}
