"""Detecting git-lfs pointers, which stand for files that were not fetched."""

from pathlib import Path

from localqwq.errors import LocalqwqError

POINTER = b"version https://git-lfs.github.com/spec/"
"""The beginning of a pointer: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""


def check_content(path: Path, start: bytes) -> None:
    """Check by its first bytes that a file is not a pointer.

    Raises:
        LocalqwqError: it is a git-lfs pointer.
    """
    if start.startswith(POINTER):
        raise LocalqwqError(
            f"{path} is a pointer of git-lfs, not the file itself: run `git lfs pull` in "
            f"{path.parent}, or download the file."
        )
