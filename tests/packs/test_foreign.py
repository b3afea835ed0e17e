"""Ollama's and LM Studio's models: found, used in place, never copied and never trusted."""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.packs.store.other_programs import find_foreign, foreign_models, gguf_files
from localqwq.packs.store.store import Store, expect_files

MakeGguf = Callable[..., Path]
SplitGguf = Callable[..., list[Path]]
MODEL = "application/vnd.ollama.image.model"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without other programs' models."""
    directory = tmp_path / "person"
    directory.mkdir()
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    return directory


def give_ollama(directory: Path, name: str, content: bytes, **changes: Any) -> Path:
    """Have a model in Ollama's folder, as ``ollama pull`` leaves it; returns the blob."""
    digest = hashlib.sha256(content).hexdigest()
    blob = directory / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    layer = {"mediaType": MODEL, "digest": f"sha256:{digest}", "size": len(content), **changes}
    other = {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:0", "size": 1}
    manifest = directory / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": [other, layer]}))
    return blob


def test_ollama(elsewhere: Path, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """Names are those that Ollama prints; the file is shared, and stays when Ollama's goes."""
    directory = elsewhere / ".ollama" / "models"
    blob = give_ollama(directory, "registry.ollama.ai/library/tiny/1b", make_gguf().read_bytes())
    give_ollama(directory, "registry.ollama.ai/someone/tiny/latest", b"other")
    give_ollama(directory, "hf.co/someone/Tiny-GGUF/Q4_0", b"another")
    names = ["ollama:hf.co/someone/Tiny-GGUF:Q4_0", "ollama:someone/tiny:latest", "ollama:tiny:1b"]
    assert [model.spec for model in foreign_models()] == names
    assert [model.stem for model in foreign_models()] == ["Tiny-GGUF-Q4_0", "tiny", "tiny-1b"]
    found = find_foreign("ollama:tiny:1b")
    assert found is not None
    assert find_foreign(str(blob)) == found
    assert find_foreign("ollama:absent") is None

    store = Store(tmp_path / "packs")
    [model] = store.adopt(found)
    assert model.spec == "tiny-1b:F32"
    assert blob.samefile(model.path)
    assert [check.problem for check in store.verify("tiny-1b")] == [None]
    assert store.adopt(found) == [model]
    assert store.adopt(found, name="mine")[0].spec == "mine:F32"
    blob.unlink()
    expect_files(model)


def test_its_folder_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OLLAMA_MODELS is respected."""
    directory = tmp_path / "disk"
    give_ollama(directory, "registry.ollama.ai/library/tiny/latest", b"content")
    monkeypatch.setenv("OLLAMA_MODELS", str(directory))
    [model] = foreign_models()
    assert (model.spec, model.stem, model.program) == ("ollama:tiny:latest", "tiny", "Ollama")


def test_studio(elsewhere: Path, make_gguf: MakeGguf, split_gguf: SplitGguf) -> None:
    """Single and split models; no projectors, no parts, no downloads that are not complete."""
    folder = elsewhere / ".lmstudio" / "models" / "someone" / "Tiny-GGUF"
    folder.mkdir(parents=True)
    make_gguf().rename(folder / "Tiny-F32.gguf")
    parts = split_gguf("Large-F32")
    for part in parts:
        os.link(part, folder / part.name)
        os.link(part, folder / part.name.replace("Large", "Cut"))
    (folder / "Cut-F32-00002-of-00003.gguf").unlink()
    for name in ("mmproj-Tiny.gguf", "README.md", ".hidden.gguf"):
        (folder / name).write_bytes(b"x")
    old = elsewhere / ".cache" / "lm-studio" / "models" / "a" / "b"
    old.mkdir(parents=True)
    (old / "old.gguf").write_bytes(b"x")
    found = foreign_models()
    assert [model.spec for model in found] == [
        "lmstudio:someone/Tiny-GGUF/Large-F32-00001-of-00003.gguf",
        "lmstudio:someone/Tiny-GGUF/Tiny-F32.gguf",
        "lmstudio:a/b/old.gguf",
    ]
    assert found[0].bytes == sum(part.stat().st_size for part in parts)
    store = Store(elsewhere / "packs")
    [model] = store.adopt(found[0])
    assert (model.spec, len(model.files)) == ("Large:F32", 3)
    assert parts[2].samefile(model.files[2].path)
    names = ["Cut-F32-00001-of-00003.gguf", "Large-F32-00001-of-00003.gguf", "Tiny-F32.gguf"]
    assert [path.name for path in gguf_files(folder)] == names


def test_where_no_link_can_be(
    elsewhere: Path, make_gguf: MakeGguf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another disk it is a reference, not a copy; once the file is gone, a sentence says so."""

    def refuse(*paths: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    directory = elsewhere / ".ollama" / "models"
    blob = give_ollama(directory, "registry.ollama.ai/library/tiny/1b", make_gguf().read_bytes())
    [found] = foreign_models()
    store = Store(tmp_path / "packs")
    monkeypatch.setattr(os, "link", refuse)
    [model] = store.adopt(found)
    assert model.path.readlink() == blob
    assert [check.problem for check in store.verify("tiny-1b")] == [None]
    blob.unlink()
    assert store.installed() == []
    with pytest.raises(LocalqwqError, match=r"used in place, .*, is gone: remove it with"):
        expect_files(model)
    assert ", is gone: remove it" in store.problems()[0]
    blob.write_bytes(b"kept")
    store.remove("tiny-1b")
    assert blob.read_bytes() == b"kept"


def test_damage_is_found(elsewhere: Path, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """A blob that is not what its name says is not installed."""
    content = make_gguf().read_bytes()
    directory = elsewhere / ".ollama" / "models"
    blob = give_ollama(directory, "registry.ollama.ai/library/tiny/1b", content)
    blob.write_bytes(content[:-1] + b"?")
    [found] = foreign_models()
    store = Store(tmp_path / "packs")
    with pytest.raises(LocalqwqError, match="is damaged: its SHA-256"):
        store.adopt(found)
    assert store.installed() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "sha256:../../../../etc/passwd"},
        {"digest": "sha256:" + "0" * 64},
        {"digest": 5},
        {"size": 1},
        {"size": "7"},
        {"mediaType": "application/vnd.ollama.image.projector"},
    ],
)
def test_manifests_of_ollama_are_not_trusted(elsewhere: Path, changes: dict[str, Any]) -> None:
    """What leads elsewhere or to nothing is no model, and no error either."""
    directory = elsewhere / ".ollama" / "models"
    give_ollama(directory, "registry.ollama.ai/library/tiny/1b", b"content", **changes)
    assert foreign_models() == []


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["layers", "mediaType", "digest", "size"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(document=DOCUMENTS, binary=st.binary(max_size=20))
def test_any_document_is_passed_over(
    tmp_path_factory: pytest.TempPathFactory, document: object, binary: bytes
) -> None:
    """Whatever lies where a manifest should be, looking for models goes on."""
    directory = tmp_path_factory.mktemp("ollama")
    for name, content in (("a", json.dumps(document).encode()), ("b", binary)):
        path = directory / "manifests" / "host" / "owner" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OLLAMA_MODELS", str(directory))
        assert foreign_models() == []


def test_a_tag_may_be_left_out(elsewhere: Path) -> None:
    """As Ollama's own commands allow it."""
    directory = elsewhere / ".ollama" / "models"
    give_ollama(directory, "registry.ollama.ai/library/tiny/latest", b"content")
    found = find_foreign("ollama:tiny")
    assert found is not None
    assert found.spec == "ollama:tiny:latest"
    assert find_foreign("ollama:tin") is None


@pytest.mark.parametrize("by", ["settings", "pointer"])
def test_studio_whose_folder_was_moved(
    elsewhere: Path, tmp_path: Path, make_gguf: MakeGguf, by: str
) -> None:
    """Its settings name the folder for models, and a file in the home folder its own."""
    moved = tmp_path / "disk" / "models"
    folder = moved / "someone" / "Tiny-GGUF"
    folder.mkdir(parents=True)
    make_gguf().rename(folder / "Tiny-F32.gguf")
    if by == "settings":
        home = elsewhere / ".lmstudio"
        home.mkdir()
        (home / "settings.json").write_text(json.dumps({"downloadsFolder": str(moved)}))
    else:
        (elsewhere / ".lmstudio-home-pointer").write_text(f"{moved.parent}\n")
    assert [model.spec for model in foreign_models()] == [
        "lmstudio:someone/Tiny-GGUF/Tiny-F32.gguf"
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"downloadsFolder": 5}', '{"downloadsFolder": "\\u0000"}']
)
def test_settings_of_studio_are_not_trusted(elsewhere: Path, text: str) -> None:
    """What names no folder is passed over."""
    (elsewhere / ".lmstudio").mkdir()
    (elsewhere / ".lmstudio" / "settings.json").write_text(text)
    assert foreign_models() == []


def test_the_cache_of_llama_cpp(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_gguf: MakeGguf
) -> None:
    """What ``llama-cli -hf`` has downloaded."""
    monkeypatch.setenv("LLAMA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    make_gguf().rename(tmp_path / "cache" / "someone_Tiny-GGUF_tiny-F32.gguf")
    (tmp_path / "cache" / "other.gguf.downloadInProgress").write_bytes(b"x")
    (tmp_path / "cache" / "manifest=someone=Tiny-GGUF=F32.json").write_text("{}")
    [found] = foreign_models()
    assert found.spec == "llama.cpp:someone_Tiny-GGUF_tiny-F32.gguf"
    assert find_foreign(found.spec) == found
    monkeypatch.delenv("LLAMA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "cache").rename(tmp_path / "llama.cpp")
    if sys.platform == "linux":
        assert [model.program for model in foreign_models()] == ["llama.cpp"]
