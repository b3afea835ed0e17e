"""Whether there is room on the disk."""

import shutil
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.sizes import readable_size

_SPARE = 64 << 20
"""Bytes to leave free, for everything else."""


def check_room(spec: str, needed: int, folder: Path) -> None:
    """See that so many bytes more can be written.

    Raises:
        LocalqwqError: they cannot; the sentence says how many are free.
    """
    free = shutil.disk_usage(folder).free
    if needed and needed + _SPARE > free:
        raise LocalqwqError(
            f"{spec} needs {readable_size(needed)} more on the disk of {folder.parent.parent} and "
            f"{readable_size(free)} are free: make room, or set LOCALQWQ_DATA_DIR to a folder on "
            "another disk."
        )
