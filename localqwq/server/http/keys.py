"""The keys of a server: each has a name for the log, and says what it may be used for."""

import hmac
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from localqwq.deferred_model import DeferredModel
from localqwq.errors import LocalqwqError
from localqwq.interruption import uninterrupted
from localqwq.server.http.fields import first_problem

Scope = Literal["generate", "manage", "metrics"]
"""Asking models and listing them; loading, unloading and changing them; metrics."""
ALL: frozenset[Scope] = frozenset(get_args(Scope))
_MANAGING = ("/models/load", "/models/unload", "/api/pull", "/api/delete", "/api/copy")
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Key:
    """A key."""

    name: str
    """For people; the log shows it instead of the key."""
    secret: str = field(repr=False)
    scopes: frozenset[Scope] = ALL
    """What it may be used for."""


def scope_of(path: str) -> Scope:
    """Return what a request for this path is for."""
    path = path.removeprefix("/v1")
    if path in _MANAGING:
        return "manage"
    return "metrics" if path == "/metrics" else "generate"


def matching(given: Iterable[bytes], keys: Iterable[Key]) -> Key | None:
    """Return the key that a request has, in a time that does not tell how much of one is right."""
    pairs = [(one, key) for one in given for key in keys]
    same = (key for one, key in pairs if hmac.compare_digest(one, key.secret.encode()))
    return next(same, None)


def read_keys(path: Path) -> tuple[Key, ...]:
    """Return the keys in a file that only its owner may read: a TOML table for each name.

    Raises:
        LocalqwqError: it cannot be read, others may read it, or it is not such a file.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise LocalqwqError(f"The keys in {path} cannot be read: {reason}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LocalqwqError(f"Others may read the keys in {path}: `chmod 600 {path}` prevents it.")
    try:
        found = _file().validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise LocalqwqError(f"{path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        where, problem = first_problem(error)
        raise LocalqwqError(f"{path}: {where}: {problem}") from None
    if not found:
        raise LocalqwqError(f"There are no keys in {path}.")
    if len({one.key for one in found.values()}) < len(found):
        raise LocalqwqError(f"Two names in {path} have the same key.")
    return tuple(Key(name, one.key, frozenset(one.scopes)) for name, one in found.items())


class _Entry(DeferredModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    key: Annotated[str, Field(min_length=_SHORTEST, pattern=r"^[!-~]+$")]
    scopes: list[Scope] = sorted(ALL)


def _file() -> "TypeAdapter[dict[str, _Entry]]":
    name = Annotated[str, Field(min_length=1, max_length=64)]
    return uninterrupted(lambda: TypeAdapter(dict[name, _Entry]))
