"""Packs from strangers: whatever they say, nothing outside of the store is touched."""

import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.packs.manifest import MANIFEST_NAME, read_manifest
from localqwq.packs.store.store import Store

MakeGguf = Callable[..., Path]

NAMES = st.sampled_from(["tiny", "Tiny", "precious", "a.b", "x" * 96]) | st.sampled_from(
    ["..", ".", "", "../precious", "/tmp/x", "a/b", "a:b", ".adding-x", "tiny\n", "~", "con ", "-"]
)
PATHS = st.sampled_from(["tiny.gguf", "TINY.gguf", "a-00001-of-00002.gguf"]) | st.sampled_from(
    [
        "../precious/tiny.gguf",
        "../../store/packs/precious/tiny.gguf",
        "..",
        "pack.toml",
        "SHA256SUMS",
        "sub/tiny.gguf",
        ".gguf",
        "tiny.gguf/..",
        "tiny.gguf\x00",
        "link.gguf",
        "loop.gguf",
    ]
)


def snapshot(root: Path, *, without: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below ``root`` with its mode and content, and every folder."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_relative_to(without):
            continue
        content = path.read_bytes() if path.is_file() else os.fsencode(os.path.realpath(path))
        found[str(path)] = (stat.S_IFMT(path.lstat().st_mode), content)
    return found


def hostile_folder(arena: Path, data: st.DataObject, content: bytes) -> Path:
    """A folder with a manifest of drawn names, and with those files that there can be."""
    folder = arena / "incoming"
    folder.mkdir()
    (arena / "precious").mkdir()
    (arena / "precious" / "tiny.gguf").write_bytes(content)
    (folder / "link.gguf").symlink_to(arena / "precious" / "tiny.gguf")
    (folder / "loop.gguf").symlink_to(folder / "loop.gguf")
    files = []
    quants = st.sampled_from(["F32", "Q8_0", "../F32"])
    for quant in data.draw(st.lists(quants, min_size=1, max_size=3)):
        path = data.draw(PATHS)
        digest = hashlib.sha256(content).hexdigest()
        files.append(
            {
                "quant": quant,
                "path": path,
                "bytes": data.draw(st.sampled_from([len(content)] * 4 + [1, 1 << 44, 1 << 62])),
                "sha256": data.draw(st.sampled_from([digest] * 4 + ["0" * 64])),
                "bits_per_weight": 32.0,
            }
        )
        with suppress(OSError, ValueError):
            target = folder / path
            if not target.is_symlink():
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(content)
    document: dict[str, Any] = {
        "format": 1,
        "name": data.draw(NAMES),
        "architecture": "qwen2",
        "parameters": 1568,
        "context": 2048,
        "files": files,
    }
    (folder / MANIFEST_NAME).write_text(tomli_w.dumps(document), encoding="utf-8")
    return folder


def test_nothing_is_written_outside_the_packs_folder(
    make_gguf: MakeGguf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Installed or refused in one sentence; the store holds plain files in plain folders."""
    content = make_gguf().read_bytes()
    outcomes = set()

    @settings(max_examples=60)
    @given(data=st.data())
    def attempt(data: st.DataObject) -> None:
        arena = tmp_path_factory.mktemp("arena")
        folder = hostile_folder(arena, data, content)
        store = Store(arena / "store" / "packs")
        store.root.mkdir(parents=True)
        before = snapshot(arena, without=store.root)
        try:
            [model, *_] = store.add(folder)
        except LocalqwqError as error:
            outcomes.add("refused")
            assert str(error).isprintable()
            assert list(store.root.iterdir()) == []
        else:
            outcomes.add("installed")
            assert [path.name for path in store.root.iterdir()] == [model.name]
            for path in (store.root / model.name).iterdir():
                assert stat.S_ISREG(path.lstat().st_mode)
            assert all(check.problem is None for check in store.verify(model.name))
        for spec in (data.draw(NAMES), f"{data.draw(NAMES)}:{data.draw(PATHS)}"):
            with suppress(LocalqwqError):
                store.remove(spec)
        assert snapshot(arena, without=store.root) == before

    attempt()
    assert outcomes == {"installed", "refused"}


def test_what_would_never_end(tmp_path: Path) -> None:
    """A manifest that is a pipe or a device is refused, not waited for."""
    os.mkfifo(tmp_path / MANIFEST_NAME)
    with pytest.raises(LocalqwqError, match="is not a pack"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST_NAME).unlink()
    (tmp_path / MANIFEST_NAME).symlink_to("/dev/zero")
    with pytest.raises(LocalqwqError, match="is not a pack"):
        read_manifest(tmp_path)
    with pytest.raises(LocalqwqError, match="is not a pack"):
        Store(tmp_path / "packs").add(tmp_path)
