"""Files of which git has fetched only a note that says where their content is."""

from pathlib import Path

from localqwq.errors import LocalqwqError

POINTER = b"version https://git-lfs.github.com/spec/"
"""How such a note begins: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""


def check_content(path: Path, start: bytes) -> None:
    """See that a file is itself, by its first bytes.

    Raises:
        LocalqwqError: it is a note of git-lfs.
    """
    if start.startswith(POINTER):
        raise LocalqwqError(
            f"{path} is a pointer of git-lfs, not the file itself: run `git lfs pull` in "
            f"{path.parent}, or download the file."
        )
