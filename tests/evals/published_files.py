"""Files that others publish, for tests that need them."""

import os
from pathlib import Path

import pytest

FOLDERS = [Path(name) for name in os.environ.get("QWQ_EVAL_DATA", "").split(os.pathsep) if name]
"""Where QwQ's makers' files are, and the wheels that carry problems."""


def folder_with(name: str) -> Path:
    """Return the folder that has a file; skips the test where there is none."""
    found = next((folder for folder in FOLDERS if (folder / name).is_file()), None)
    if found is None:
        pytest.skip(f"no folder of QWQ_EVAL_DATA has {name}")
    return found
