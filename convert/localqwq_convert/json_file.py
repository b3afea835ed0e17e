"""Reading the JSON files of a checkpoint."""

import json
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.git_lfs import check_content

MAX_BYTES = 1 << 26
"""Maximum bytes of a file; tokenizers, the largest ones, have some 20 million."""


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in the file at ``path``.

    Raises:
        LocalqwqError: the file is missing, unreadable, too large, not JSON, or not an object.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error
    if len(text) > MAX_BYTES:
        raise LocalqwqError(f"{path} is larger than such a file can be (64 MiB).")
    check_content(path, text)
    return parse_object(text, str(path))


def optional_object(path: Path) -> dict[str, Any]:
    """Do the same for an optional file; return an empty object if it is missing."""
    return read_object(path) if path.is_file() else {}


def parse_object(text: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in ``text``; ``what`` names its origin in errors.

    Raises:
        LocalqwqError: not JSON, not an object, or a duplicate key.
    """
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except _Twice as error:
        raise LocalqwqError(
            f"{what} is not valid JSON: it has the key {error} twice; delete the wrong one (only "
            "its author knows which)."
        ) from error
    except (ValueError, RecursionError) as error:
        raise LocalqwqError(f"{what} is not valid JSON: download it again.") from error
    if not isinstance(value, dict):
        raise LocalqwqError(f"{what} should hold a JSON object: download it again.")
    return value


class _Twice(ValueError):
    """A key occurs twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Twice(ascii(key)[:60])
            seen.add(key)
    return value
