"""Whether to keep the machine awake, without reading all settings."""

from __future__ import annotations

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile


def keeps_awake() -> bool:
    """Return what the settings currently say; True unless they say no."""
    return SettingsFile(settings_file()).peek("work.keep_awake") is not False
