"""Settings that serve as defaults for the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from localqwq.locations import settings_file
from localqwq.models.defaults import setting
from localqwq.settings.file import SettingsFile

if TYPE_CHECKING:
    from localqwq.settings.schema import Settings


def read_settings() -> Settings:
    """Return the settings; problems in their file are reported on stderr."""
    file = SettingsFile(settings_file())
    settings = file.read()
    if file.problem:
        print(file.problem, file=sys.stderr)
    return settings


def default_endpoint(model: str | None) -> str | None:
    """Return the default endpoint; None if a local ``model`` is meant."""
    return setting("endpoint") if model is None else None


def request_defaults(settings: Settings) -> str | None:
    """Return a server's default request values as JSON; None if there are none."""
    from localqwq.client.options import chat_options
    from localqwq.server.http.defaults import RequestDefaults

    options = chat_options(settings, None, goes_on=False)
    known = {name: getattr(options, name, None) for name in RequestDefaults.model_fields}
    values = {name: value for name, value in known.items() if value is not None}
    if not (values := {**options.more, **values}):
        return None
    return RequestDefaults.model_validate(values).model_dump_json(exclude_none=True)
