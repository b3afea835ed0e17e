"""Which model is meant where nobody names one, as far as the settings say."""

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile


def default_model() -> str | None:
    """Return the model that the settings name, ``None`` where they do not."""
    return setting("model")


def setting(key: str) -> str | None:
    """Return a text of the settings without their schema, which takes longer to make."""
    value = SettingsFile(settings_file()).peek(key)
    return value.strip() or None if isinstance(value, str) else None
