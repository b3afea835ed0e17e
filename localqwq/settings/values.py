"""Parsing and checking values that people type."""

from typing import Any

from pydantic import BaseModel, ValidationError

from localqwq.errors import LocalqwqError
from localqwq.settings.describe import Setting
from localqwq.settings.repair import problem
from localqwq.settings.schema import Settings, value_of


class WrongValue(LocalqwqError):
    """A value that a setting cannot have; the message says what it must be."""


def parsed(setting: Setting, text: str) -> object:
    """Return the value meant by ``text``; None for nothing, if that is allowed.

    Raises WrongValue.
    """
    words = text.strip()
    if setting.optional and not words:
        return None
    value: object = text if setting.kind == "paragraph" else words
    try:
        if setting.kind == "whole number":
            value = int(words.replace(",", ""))
        elif setting.kind == "number":
            value = float(words)
        elif setting.kind == "switch":
            value = {"true": True, "false": False}[words]
        if not _is_within(setting, value):
            raise ValueError
    except (ValueError, KeyError):
        raise WrongValue(f"{setting.title} must be {setting.wanted}.") from None
    return value


def _is_within(setting: Setting, value: object) -> bool:
    """Return whether the value is within the limits (NaN never is) and one of the choices."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = setting.low, setting.high
        return (low is None or value >= low) and (high is None or value <= high)
    return not setting.choices or value in setting.choices


def checked(key: str, value: object) -> object:
    """Return the value for a key such as ``sampling.top_p`` as the schema stores it.

    None stands for its default. Raises WrongValue.
    """
    tree: Any = plain(value)
    for name in reversed(key.split(".")):
        tree = {} if tree is None else {name: tree}
    try:
        return value_of(Settings.model_validate(tree), key)
    except ValidationError as error:
        clause = problem(error.errors(include_url=False)[0])
        raise WrongValue(f"{clause}.") from None
    except AttributeError:
        raise WrongValue(f"There is no setting {key!r}.") from None


def plain(value: object) -> object:
    """Return the value as TOML can express it: models as tables, without what is not set."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True, exclude_defaults=True)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
