"""The default model according to the settings."""

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile


def default_model() -> str | None:
    """Return the model named in the settings, or ``None``."""
    return setting("model")


def setting(key: str) -> str | None:
    """Return one string from the settings without building their schema, which is slower."""
    value = SettingsFile(settings_file()).peek(key)
    return value.strip() or None if isinstance(value, str) else None
