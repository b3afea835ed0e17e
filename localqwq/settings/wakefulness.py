"""Whether the machine is to stay awake, for those that work without reading all settings."""

from __future__ import annotations

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile


def keeps_awake() -> bool:
    """What the settings say at this moment; yes, unless they say no."""
    return SettingsFile(settings_file()).peek("work.keep_awake") is not False
