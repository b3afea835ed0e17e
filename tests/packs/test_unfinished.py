"""Downloads that were interrupted, as the store's folder shows them."""

import os
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.packs.download.unfinished import Unfinished, discard, folder_of, unfinished
from localqwq.packs.store.lock import take


def interrupted(root: Path, name: str, quant: str, size: int) -> Path:
    """The folder of a download of which so many bytes have come."""
    folder = folder_of(root, name, quant)
    folder.mkdir(parents=True)
    (folder / f"{name}.gguf.partial").write_bytes(b"x" * size)
    return folder


def test_what_has_come_is_counted(tmp_path: Path) -> None:
    """Names may have hyphens, quantizations have none; an empty folder is no download."""
    assert unfinished(tmp_path) == []
    interrupted(tmp_path, "qwq-32b", "Q4_K_M", 1 << 16)
    interrupted(tmp_path, "tiny", "Q8_0", 0)
    assert unfinished(tmp_path) == [Unfinished("qwq-32b", "Q4_K_M", 1 << 16)]


def test_what_is_being_downloaded_is_not_thrown_away(tmp_path: Path) -> None:
    """Another program may be at it; and what is gone already is no mistake."""
    folder = interrupted(tmp_path, "tiny", "Q8_0", 1 << 16)
    [one] = unfinished(tmp_path)
    handle = take(folder)
    assert handle is not None
    with pytest.raises(LocalqwqError, match="is being downloaded by another program"):
        discard(tmp_path, one)
    os.close(handle)
    discard(tmp_path, one)
    discard(tmp_path, one)
    assert unfinished(tmp_path) == []
