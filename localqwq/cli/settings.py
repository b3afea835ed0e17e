"""What the settings say where the command line is silent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile

if TYPE_CHECKING:
    from localqwq.client.endpoints import FoundEndpoint
    from localqwq.settings.schema import Settings


def read_settings() -> Settings:
    """The settings; what is wrong with their file is told on stderr."""
    file = SettingsFile(settings_file())
    settings = file.read()
    if file.problem:
        print(file.problem, file=sys.stderr)
    return settings


def default_model() -> str | None:
    """The model that is meant where none is named."""
    return _text("model")


def default_endpoint(model: str | None) -> str | None:
    """The endpoint that is meant where none is named; None where a `model` here is."""
    return _text("endpoint") if model is None else None


def wanted_endpoint(endpoint: str) -> FoundEndpoint:
    """The endpoint of that name or address; may wait for the keyring. Raises LocalqwqError."""
    from localqwq.client.endpoints import find_endpoint

    try:
        return find_endpoint(endpoint, SettingsFile(settings_file()).read())
    except LocalqwqError as error:
        if endpoint == _text("endpoint"):
            raise LocalqwqError(f"{error} The settings name it as the endpoint to use.") from None
        raise


def request_defaults(settings: Settings) -> str | None:
    """What a server answers requests with that do not say otherwise, as JSON; None for nothing."""
    from localqwq.server.defaults import RequestDefaults
    from localqwq.tui.options import chat_options

    options = chat_options(settings, None, goes_on=False)
    known = {name: getattr(options, name, None) for name in RequestDefaults.model_fields}
    values = {name: value for name, value in known.items() if value is not None}
    if not (values := {**options.more, **values}):
        return None
    return RequestDefaults.model_validate(values).model_dump_json(exclude_none=True)


def _text(key: str) -> str | None:
    """A text of the file without the schema, which takes longer to make than to use here."""
    value = SettingsFile(settings_file()).peek(key)
    return value.strip() or None if isinstance(value, str) else None
