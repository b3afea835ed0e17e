"""Reads the JSON files of a checkpoint."""

import json
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.git_lfs import check_content

MAX_BYTES = 1 << 26
"""Of one file; tokenizers, the largest of them, have some 20 million."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in the file at ``path``.

    Raises:
        LocalqwqError: the file is missing, unreadable, too large, no JSON, or no object.
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
    """The same for a file that a checkpoint may lack; an empty object then."""
    return read_object(path) if path.is_file() else {}


def parse_object(text: bytes, what: str) -> dict[str, Any]:
    """The JSON object in ``text``; ``what`` names its origin in errors.

    Raises:
        LocalqwqError: no JSON, no object, or a key that is there twice.
    """
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except _Twice as error:
        raise LocalqwqError(
            f"{what} is not valid JSON: it has the key {error} twice, and only its author knows "
            "which of the two is meant; delete the other one."
        ) from error
    except (ValueError, RecursionError) as error:
        raise LocalqwqError(f"{what} is not valid JSON: download it again.") from error
    if not isinstance(value, dict):
        raise LocalqwqError(f"{what} should hold a JSON object: download it again.")
    return value


class _Twice(ValueError):
    """A key stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Twice(ascii(key)[:60])
            seen.add(key)
    return value
