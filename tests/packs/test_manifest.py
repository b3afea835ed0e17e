"""Manifests are data from strangers: nothing in one may reach outside of its folder."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from localqwq.errors import LocalqwqError
from localqwq.packs.manifest import (
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    SUMS_NAME,
    Manifest,
    PackFile,
    RopeScaling,
    read_manifest,
    write_manifest,
)

SHA = "0123456789abcdef" * 4


def entry(**changes: Any) -> dict[str, Any]:
    """A valid file of a manifest, with changes."""
    file = {"quant": "Q8_0", "path": "tiny-Q8_0.gguf", "bytes": 10, "sha256": SHA}
    return {**file, "bits_per_weight": 8.5, **changes}


def document(**changes: Any) -> dict[str, Any]:
    """A valid manifest as TOML data, with changes."""
    return {
        "format": 1,
        "name": "tiny",
        "architecture": "qwen2",
        "parameters": 3_300_000,
        "context": 131072,
        "base_models": ["someone/larger"],
        "license": "Apache-2.0",
        "source": "someone/tiny",
        "source_revision": "0123abcd",
        "converter": "localqwq 0.1.0",
        "rope": {"type": "yarn", "factor": 4.0, "original_context": 32768},
        "sampling": {"top_k": 40, "temp": 0.6, "min_p": 0},
        "files": [entry()],
        **changes,
    }


def file_document(**changes: Any) -> dict[str, Any]:
    """A valid manifest whose one file has changes."""
    return document(files=[entry(**changes)])


def split_document(*numbers: int, count: int) -> dict[str, Any]:
    """A manifest with one file and some parts of a split model."""
    names = [f"tiny-Q4_K_M-{number:05}-of-{count:05}.gguf" for number in numbers]
    return document(files=[entry(), *(entry(quant="Q4_K_M", path=name) for name in names)])


def written(directory: Path, data: dict[str, Any]) -> Path:
    """The folder, with the data as its pack.toml."""
    (directory / MANIFEST_NAME).write_text(tomli_w.dumps(data), encoding="utf-8")
    return directory


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read again, and no temporary file stays."""
    manifest = Manifest.model_validate(document())
    assert manifest.rope == RopeScaling(type="yarn", factor=4.0, original_context=32768)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert {path.name for path in tmp_path.iterdir()} == {MANIFEST_NAME, SUMS_NAME}


def test_what_is_unknown_is_left_out(tmp_path: Path) -> None:
    """TOML has no null: keys without a value are not there, and read as None."""
    data = document()
    for key in ("license", "source", "source_revision", "converter", "rope"):
        del data[key]
    manifest = Manifest.model_validate(data)
    text = write_manifest(tmp_path, manifest).read_text()
    assert "license" not in text
    assert read_manifest(tmp_path) == manifest


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_checksums_are_sha256sums_own(tmp_path: Path) -> None:
    """sha256sum -c finds every file as it should be, and the damage."""
    (tmp_path / "tiny-Q8_0.gguf").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    write_manifest(tmp_path, Manifest.model_validate(file_document(sha256=empty)))
    command = ["sha256sum", "--check", "--strict", SUMS_NAME]
    good = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (0, "tiny-Q8_0.gguf: OK\n")
    (tmp_path / "tiny-Q8_0.gguf").write_bytes(b"1")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_parts_of_a_split_model() -> None:
    """They are one quantization, in their order, whatever the manifest's."""
    manifest = Manifest.model_validate(split_document(2, 1, 3, count=3))
    assert manifest.quants == ["Q8_0", "Q4_K_M"]
    assert [part.path[-20:] for part in manifest.parts("q4_k_m")] == [
        f"-{number:05}-of-00003.gguf" for number in (1, 2, 3)
    ]
    assert manifest.parts("F16") == []
    rest = manifest.without("Q4_K_M")
    assert rest is not None
    assert rest.quants == ["Q8_0"]
    assert rest.without("Q8_0") is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (split_document(1, 3, count=3), "Q4_K_M should have parts 1 to 3 but has 2 files"),
        (split_document(1, 2, count=3), "parts 1 to 3"),
        (split_document(1, 2, 0, count=3), "parts 1 to 3"),
        (split_document(1, count=99_999), "parts 1 to 99999"),
        (split_document(1, 1, count=2), "occurs twice"),
        (
            document(
                files=[
                    entry(path="a-00001-of-00002.gguf"),
                    entry(path="b-00002-of-00002.gguf"),
                ]
            ),
            "not the parts of one split model",
        ),
        (document(files=[entry(), entry(path="b.gguf")]), "the quantization Q8_0 occurs twice"),
        (
            document(files=[entry(), entry(path="b-00001-of-00001.gguf")]),
            "the quantization Q8_0 occurs twice",
        ),
    ],
)
def test_incomplete_splits_are_refused(tmp_path: Path, data: dict[str, Any], words: str) -> None:
    """A lost, doubled or foreign part would only be noticed when the model is loaded."""
    with pytest.raises(LocalqwqError, match=words):
        read_manifest(written(tmp_path, data))


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
        "pack.toml",
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
        document(source="x" * 201),
        document(parameters=0),
        document(parameters="3"),
        document(context=10**40),
        document(files=[]),
        document(files=[entry(), entry()]),
        document(base_models=["x"] * 17),
        document(base_models="x"),
        document(rope={"type": "yarn"}),
        document(rope={"type": "yarn", "factor": 0.0, "original_context": 1}),
        document(rope={"type": "\x07", "factor": 1.0, "original_context": 1}),
        document(sampling={"temp": float("nan")}),
        document(sampling={"temp": 10**400}),
        document(sampling={"temp": True}),
        document(sampling={"../x": 1}),
        document(sampling={f"x{number}": 1 for number in range(33)}),
        file_document(bytes=-1),
        file_document(bytes=1 << 60),
        file_document(bytes=1.5),
        file_document(sha256="0" * 63),
        file_document(sha256="G" * 64),
        file_document(quant="q4/k"),
        file_document(bits_per_weight=float("inf")),
        file_document(bits_per_weight=0.0),
        file_document(unknown=True),
        {},
    ],
)
def test_broken_rules_are_one_sentence(tmp_path: Path, data: dict[str, Any]) -> None:
    """Every broken rule is one line that names the file and holds no control characters."""
    with pytest.raises(LocalqwqError, match=r"pack\.toml is not a valid manifest") as caught:
        read_manifest(written(tmp_path, data))
    assert str(caught.value).isprintable()


def test_same_file_in_another_case_is_refused(tmp_path: Path) -> None:
    """Two names that one file system could take for the same file are refused."""
    other = entry(quant="Q4_K_M", path="TINY-q8_0.gguf")
    with pytest.raises(LocalqwqError, match="occurs twice"):
        read_manifest(written(tmp_path, document(files=[entry(), other])))


def test_missing_and_huge_manifests(tmp_path: Path) -> None:
    """No manifest, a folder in its place, or one of absurd size: a sentence each."""
    with pytest.raises(LocalqwqError, match="is not a pack"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST_NAME).write_bytes(b" " * (MAX_MANIFEST_BYTES + 1))
    with pytest.raises(LocalqwqError, match="larger than a manifest"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST_NAME).unlink()
    (tmp_path / MANIFEST_NAME).mkdir()
    with pytest.raises(LocalqwqError, match="is not a pack"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe",
        b"a=" + b"[" * 100_000,
        b"a=" + b"{a=" * 50_000,
        b"format = " + b"1" * 100_000,
        b"a." * 100_000 + b"a=1",
        b"[" + b"a." * 100_000 + b"a]",
        b"format = 1\nformat = 1",
        b"format = 1979-05-27",
    ],
    ids=lambda content: content[:12].decode(errors="replace"),
)
def test_not_toml(tmp_path: Path, content: bytes) -> None:
    """Bytes that are not TOML, however nested or long, are a sentence and no hang."""
    (tmp_path / MANIFEST_NAME).write_bytes(content)
    with pytest.raises(LocalqwqError, match="not a valid manifest"):
        read_manifest(tmp_path)


def test_write_into_a_missing_folder(tmp_path: Path) -> None:
    """A folder that cannot be written to is a sentence."""
    with pytest.raises(LocalqwqError, match="Cannot write"):
        write_manifest(tmp_path / "absent", Manifest.model_validate(document()))


def test_files_replace_their_quantization() -> None:
    """Files of a known quantization take the old ones' place, others are added."""
    manifest = Manifest.model_validate(split_document(1, 2, count=2))
    new = PackFile.model_validate(entry(quant="Q4_K_M", path="new-Q4_K_M.gguf"))
    more = PackFile.model_validate(entry(quant="Q5_K_M", path="tiny-Q5_K_M.gguf"))
    both = manifest.with_files([new, more])
    assert both.files == [manifest.files[0], new, more]


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


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from([*document()]), value=VALUES)
def test_any_value_is_accepted_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    """Whatever a key holds, reading gives a manifest or one LocalqwqError."""
    try:
        directory = written(tmp_path_factory.mktemp("pack"), document(**{key: value}))
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be in a file
    try:
        manifest = read_manifest(directory)
    except LocalqwqError as error:
        assert "\n" not in str(error)
        return
    assert all("/" not in file.path for file in manifest.files)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_is_accepted_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Bytes changed, removed or doubled: reading gives a manifest or one LocalqwqError."""
    content = bytearray(tomli_w.dumps(split_document(1, 2, count=2)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 20))
        content[start : start + length] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\n", b"[[files]]\n", b"=", b'"', b"1e999"])
        )
        content = content or bytearray(b"\n")
    directory = tmp_path_factory.mktemp("pack")
    (directory / MANIFEST_NAME).write_bytes(content)
    try:
        manifest = read_manifest(directory)
    except LocalqwqError as error:
        assert str(error).isprintable()
    else:
        assert all("/" not in file.path for file in manifest.files)
