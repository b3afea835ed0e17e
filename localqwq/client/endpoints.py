"""Finding the endpoint for a name in the settings or an address, and its key."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec

from localqwq.endpoint import Endpoint
from localqwq.errors import LocalqwqError
from localqwq.locations import settings_file
from localqwq.models.defaults import setting
from localqwq.settings.file import SettingsFile
from localqwq.settings.schema import Settings
from localqwq.settings.sections import EndpointSettings

KEY_VARIABLE = "LOCALQWQ_API_KEY"
"""The variable with the key for endpoints given as an address."""
SERVICE = "localqwq"
"""The keyring service of keys, with the endpoint's name as the user."""


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    """An endpoint, and the model to use there."""

    endpoint: Endpoint
    model: str | None = None
    """The model; None for the first one listed."""


def wanted_endpoint(endpoint: str, opens_thought: bool | None = None) -> FoundEndpoint:
    """Return the endpoint with that name or address; may wait for the keyring.

    Args:
        endpoint: the name or address.
        opens_thought: whether its answers begin inside the thought; None: as in the settings.

    Raises:
        LocalqwqError: there is none; if the settings chose it, the sentence says so.
    """
    try:
        found = find_endpoint(endpoint, SettingsFile(settings_file()).read())
    except LocalqwqError as error:
        if endpoint == setting("endpoint"):
            raise LocalqwqError(f"{error} The settings name it as the endpoint to use.") from None
        raise
    if opens_thought is None:
        return found
    return replace(found, endpoint=replace(found.endpoint, opens_thought=opens_thought))


def find_endpoint(
    wanted: str, settings: Settings, environment: Mapping[str, str] = os.environ
) -> FoundEndpoint:
    """Return the endpoint named ``wanted``, or with this address.

    May ask the keyring, and so wait for a person. Raises LocalqwqError.
    """
    known = settings.named_endpoint(wanted)
    if known is None:
        try:
            return FoundEndpoint(Endpoint.parse(wanted, environment.get(KEY_VARIABLE) or None))
        except LocalqwqError as error:
            if not settings.endpoints:
                raise
            names = ", ".join(endpoint.name for endpoint in settings.endpoints)
            raise LocalqwqError(f"{error} The settings have these by name: {names}.") from None
    endpoint = replace(Endpoint.parse(known.url), opens_thought=known.opens_thought)
    return FoundEndpoint(replace(endpoint, api_key=find_key(known, environment)), known.model)


def find_key(endpoint: EndpointSettings, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the API key from the endpoint's variable, else from the keyring; None if it has none.

    Raises LocalqwqError if a variable is named and neither has a key.
    """
    if endpoint.key_env and (key := environment.get(endpoint.key_env, "").strip()):
        return key
    if (kept := _from_keyring(endpoint.name)) is not None:
        return kept
    if endpoint.key_env:
        raise LocalqwqError(
            f"The endpoint {endpoint.name} takes its key from {endpoint.key_env}, which is not "
            f"set: set that variable, or run `keyring set {SERVICE} {endpoint.name}`."
        )
    return None


def _from_keyring(name: str) -> str | None:
    # An optional package: on Linux it needs ten others, some of them compiled, and servers have no
    # keyring to ask.
    if find_spec("keyring") is None:
        return None
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(SERVICE, name) or None
    except KeyringError:  # there is none to ask here, or it stays locked
        return None
