"""A checkpoint that was trained further is another model, though only its weights say so."""

import os
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.packs.manifest import read_manifest
from localqwq.packs.store.store import Store
from localqwq_convert.pipeline import convert
from localqwq_convert.report import Progress
from tests.checkpoints import make_checkpoint


def train(checkpoint: Path) -> None:
    """Change one bit of one weight, and neither size nor time of the file."""
    path = checkpoint / "model.safetensors"
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def weights(pack: Path) -> set[str | None]:
    """The fingerprints in a pack's manifest."""
    return {file.weights for file in read_manifest(pack).files}


def test_files_of_older_weights_leave_the_pack(tmp_path: Path) -> None:
    """The file itself stays: it is the person's, who is told."""
    checkpoint, pack = make_checkpoint(tmp_path / "small"), tmp_path / "pack"
    notes: list[str] = []
    convert(checkpoint, pack, ["Q8_0", "Q4_K_M"], note=notes.append)
    before = weights(pack)
    train(checkpoint)
    convert(checkpoint, pack, ["Q8_0"], note=notes.append)
    assert read_manifest(pack).quants == ["Q8_0"]
    assert weights(pack).isdisjoint(before)
    assert (pack / "small-Q4_K_M.gguf").is_file()
    [note] = notes
    assert note.startswith("small-Q4_K_M.gguf was made from a different checkpoint")


def test_the_same_weights_in_other_files_are_the_same(tmp_path: Path) -> None:
    """Spread over shards, read by more threads, in another run: one fingerprint."""
    pack = tmp_path / "pack"
    convert(make_checkpoint(tmp_path / "a" / "small"), pack, ["Q8_0"], threads=1)
    shards = make_checkpoint(tmp_path / "b" / "small", shards=3)
    convert(shards, pack, ["Q4_K_M", "F32"], threads=3)
    assert read_manifest(pack).quants == ["Q8_0", "Q4_K_M", "F32"]
    assert len(weights(pack)) == 1


def test_a_run_that_goes_on_knows_all_weights(tmp_path: Path) -> None:
    """Also those of tensors that an earlier run has written."""
    checkpoint, pack = make_checkpoint(tmp_path / "small"), tmp_path / "pack"

    def break_off(state: Progress) -> None:
        if state.done_bytes > state.total_bytes / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(checkpoint, pack, ["Q8_0"], resume=True, progress=break_off)
    convert(checkpoint, pack, ["Q8_0"], resume=True)
    convert(checkpoint, tmp_path / "at once", ["Q8_0"])
    assert weights(pack) == weights(tmp_path / "at once")


def test_the_store_keeps_them_apart(tmp_path: Path) -> None:
    """Two quantizations of one name and different weights are not one installed model."""
    checkpoint, store = make_checkpoint(tmp_path / "small"), Store(tmp_path / "packs")
    convert(checkpoint, tmp_path / "old", ["Q8_0"])
    convert(checkpoint, tmp_path / "more", ["F32"])
    train(checkpoint)
    convert(checkpoint, tmp_path / "new", ["Q4_K_M"])
    store.add(tmp_path / "old")
    with pytest.raises(LocalqwqError, match="small with other weights is installed"):
        store.add(tmp_path / "new")
    store.add(tmp_path / "more")
    assert {model.quant for model in store.installed()} == {"Q8_0", "F32"}
    assert weights(tmp_path / "packs" / "small") == weights(tmp_path / "old")
