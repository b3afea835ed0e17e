"""Manifests are data from strangers: nothing in one may reach outside of its folder."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from localqwq.errors import LocalqwqError
from localqwq.packs.manifest import (
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    Manifest,
    PackFile,
    read_manifest,
    write_manifest,
)

SHA = "0123456789abcdef" * 4


def document(**changes: Any) -> dict[str, Any]:
    """A valid manifest as JSON data, with changes."""
    file = {"quant": "Q8_0", "path": "tiny-Q8_0.gguf", "bytes": 10, "sha256": SHA}
    return {
        "format": 1,
        "name": "tiny",
        "architecture": "qwen2",
        "parameters": 3_300_000,
        "context": 2048,
        "license": "Apache-2.0",
        "source": None,
        "files": [file],
        **changes,
    }


def file_document(**changes: Any) -> dict[str, Any]:
    """A valid manifest whose one file has changes."""
    return document(files=[{**document()["files"][0], **changes}])


def written(directory: Path, data: object) -> Path:
    """The folder, with the data as its pack.json."""
    (directory / MANIFEST_NAME).write_text(json.dumps(data), encoding="utf-8")
    return directory


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read again, and no temporary file stays."""
    manifest = Manifest.model_validate(document())
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]


@pytest.mark.parametrize(
    "path",
    [
        "../tiny.gguf",
        "/etc/passwd.gguf",
        "a/b.gguf",
        "a\\b.gguf",
        "C:x.gguf",
        "..gguf",
        ".hidden.gguf",
        "",
        "x.gguf\n",
        "x.gguf\x00",
        "pack.json",
        "x" * 300 + ".gguf",
        "ä.gguf",
    ],
)
def test_unsafe_paths_are_refused(tmp_path: Path, path: str) -> None:
    """A path that is not a plain GGUF file name is refused, with its place in the manifest."""
    with pytest.raises(LocalqwqError, match=r"files\.0\.path: is not the plain name"):
        read_manifest(written(tmp_path, file_document(path=path)))


@pytest.mark.parametrize(
    "data",
    [
        document(extra=1),
        document(format=2),
        document(name="../up"),
        document(name="a:b"),
        document(name="tiny."),
        document(name=""),
        document(license="\x1b[2Jgone"),
        document(source="x" * 401),
        document(parameters=0),
        document(parameters="3"),
        document(context=10**40),
        document(files=[]),
        document(files=document()["files"] * 2),
        file_document(bytes=-1),
        file_document(bytes=1 << 60),
        file_document(bytes=1.5),
        file_document(sha256="0" * 63),
        file_document(sha256="G" * 64),
        file_document(quant="q4/k"),
        file_document(unknown=True),
        [],
        "tiny",
        None,
    ],
)
def test_broken_rules_are_one_sentence(tmp_path: Path, data: object) -> None:
    """Every broken rule is one line that names the file and holds no control characters."""
    with pytest.raises(LocalqwqError, match=r"pack\.json is not a valid manifest") as caught:
        read_manifest(written(tmp_path, data))
    assert str(caught.value).isprintable()


def test_same_file_in_another_case_is_refused(tmp_path: Path) -> None:
    """Two names that one file system could take for the same file are refused."""
    file = document()["files"][0]
    other = {**file, "quant": "Q4_K_M", "path": "TINY-q8_0.gguf"}
    with pytest.raises(LocalqwqError, match="is there twice"):
        read_manifest(written(tmp_path, document(files=[file, other])))


def test_missing_and_huge_manifests(tmp_path: Path) -> None:
    """No manifest, a folder in its place, or one of absurd size: a sentence each."""
    with pytest.raises(LocalqwqError, match="is no pack"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST_NAME).write_bytes(b" " * (MAX_MANIFEST_BYTES + 1))
    with pytest.raises(LocalqwqError, match="larger than a manifest"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST_NAME).unlink()
    (tmp_path / MANIFEST_NAME).mkdir()
    with pytest.raises(LocalqwqError, match="is no pack"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": 1'])
def test_not_json(tmp_path: Path, content: bytes) -> None:
    """Bytes that are not JSON, however nested, are a sentence."""
    (tmp_path / MANIFEST_NAME).write_bytes(content)
    with pytest.raises(LocalqwqError, match="not a valid manifest"):
        read_manifest(tmp_path)


def test_write_into_a_missing_folder(tmp_path: Path) -> None:
    """A folder that cannot be written to is a sentence."""
    with pytest.raises(LocalqwqError, match="Cannot write"):
        write_manifest(tmp_path / "absent", Manifest.model_validate(document()))


def test_with_file_replaces_the_quantization() -> None:
    """A file of a known quantization takes the old one's place, another is added."""
    manifest = Manifest.model_validate(document())
    new = PackFile(quant="Q8_0", path="new-Q8_0.gguf", bytes=5, sha256=SHA)
    more = PackFile(quant="Q4_K_M", path="tiny-Q4_K_M.gguf", bytes=5, sha256=SHA)
    both = manifest.with_file(new).with_file(more)
    assert both.files == [new, more]
    assert both.file("q4_k_m") == more
    assert both.file("F16") is None


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.text(alphabet="./\\:~ab\n\x00", max_size=12).map(lambda text: text + ".gguf"),
        st.from_regex(r"[A-Za-z0-9._+-]{1,20}\.gguf", fullmatch=True),
    )
)
def test_no_accepted_path_leaves_the_folder(path: str) -> None:
    """Whatever is accepted names a direct child of the folder that is not the manifest."""
    try:
        manifest = Manifest.model_validate(file_document(path=path))
    except ValidationError:
        return
    directory = Path("/packs/tiny")
    place = Path(os.path.normpath(directory / manifest.files[0].path))
    assert place.parent == directory
    assert place.name == path != MANIFEST_NAME
    assert path.isprintable()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_accepted_names_are_plain_folder_names(name: str) -> None:
    """An accepted pack name is a direct child of the store and survives ``name:QUANT``."""
    try:
        manifest = Manifest.model_validate(document(name=name))
    except ValidationError:
        return
    assert Path(os.path.normpath(Path("/packs") / manifest.name)) == Path("/packs") / name
    assert f"{name}:Q8_0".partition(":")[0] == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from([*document()]), value=JSON)
def test_any_value_is_accepted_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    """Whatever a key holds, reading gives a manifest or one LocalqwqError."""
    directory = written(tmp_path_factory.mktemp("pack"), document(**{key: value}))
    try:
        manifest = read_manifest(directory)
    except LocalqwqError as error:
        assert "\n" not in str(error)
        return
    assert all("/" not in file.path for file in manifest.files)
