"""Checking for free disk space."""

import shutil
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.sizes import readable_size

_SPARE = 64 << 20
"""Bytes to leave free for everything else."""


def check_room(spec: str, needed: int, folder: Path) -> None:
    """Check for ``needed`` free bytes on the disk.

    Raises:
        LocalqwqError: there are fewer; the sentence says how many.
    """
    free = shutil.disk_usage(folder).free
    if needed and needed + _SPARE > free:
        raise LocalqwqError(
            f"{spec} needs {readable_size(needed)} more on the disk of {folder.parent.parent} and "
            f"{readable_size(free)} are free: free some space, or set LOCALQWQ_DATA_DIR to a "
            "folder on another disk."
        )
