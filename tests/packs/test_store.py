"""The store: packs come in whole or not at all, are found by name, verified and removed."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.packs.manifest import (
    MANIFEST_NAME,
    SUMS_NAME,
    Manifest,
    PackFile,
    read_manifest,
    write_manifest,
)
from localqwq.packs.store.incoming import pack_name
from localqwq.packs.store.store import Store

MakeGguf = Callable[..., Path]
SplitGguf = Callable[..., list[Path]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "packs")


def pack_folder(directory: Path, *files: tuple[str, Path], name: str = "tiny") -> Path:
    """A folder with these quantizations of a model and their manifest."""
    directory.mkdir()
    entries = []
    for quant, source in files:
        content = source.read_bytes()
        part = source.name[-20:] if "-of-" in source.name else ".gguf"
        path = directory / f"{name}-{quant}{part}"
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entries.append(
            PackFile(
                quant=quant, path=path.name, bytes=len(content), sha256=digest, bits_per_weight=32.0
            )
        )
    write_manifest(
        directory,
        Manifest(name=name, architecture="qwen2", parameters=1568, context=2048, files=entries),
    )
    return directory


def test_empty_store(store: Store) -> None:
    """An absent folder holds nothing, and asking creates nothing."""
    assert store.installed() == []
    assert store.problems() == []
    with pytest.raises(LocalqwqError, match="no pack named tiny"):
        store.matching("tiny")
    assert not store.root.exists()


def test_add_a_file(store: Store, make_gguf: MakeGguf) -> None:
    """A GGUF file becomes a pack of its own, without a second copy of its bytes."""
    source = make_gguf()
    [model] = store.add(source)
    assert model.spec == "tiny:F32"
    assert (model.architecture, model.parameters, model.context) == ("qwen2", 1568, 2048)
    assert source.samefile(model.path)
    assert store.installed() == [model] == store.matching("tiny") == store.matching("tiny:f32")
    assert [check.problem for check in store.verify("tiny")] == [None]
    assert sorted(path.name for path in store.root.iterdir()) == ["tiny"]


def test_add_follows_symbolic_links(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """What is installed stays when the link that named it goes."""
    link = tmp_path / "linked-F32.gguf"
    link.symlink_to(make_gguf())
    [model] = store.add(link)
    assert not model.path.is_symlink()
    link.unlink()
    assert model.path.is_file()


def test_add_twice_and_again(store: Store, make_gguf: MakeGguf) -> None:
    """The same content again is no mistake; other content under the same name is."""
    source = make_gguf()
    assert store.add(source) == store.add(source)
    source.unlink()
    with pytest.raises(LocalqwqError, match=r"A different tiny:F32 is installed"):
        store.add(make_gguf(seed=1))
    source.unlink()
    with pytest.raises(LocalqwqError, match="A different model named tiny"):
        store.add(make_gguf(embedding=64))
    assert [check.problem for check in store.verify("tiny")] == [None]


def test_add_a_pack(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """A folder with a manifest comes in as it is; a second one adds its quantizations."""
    first = pack_folder(tmp_path / "a", ("F32", make_gguf()))
    second = pack_folder(tmp_path / "b", ("Q8_0", make_gguf("other.gguf", seed=1)))
    store.add(first)
    [added] = store.add(second)
    assert added.spec == "tiny:Q8_0"
    assert {model.quant for model in store.installed()} == {"F32", "Q8_0"}
    assert {file.quant for file in read_manifest(store.root / "tiny").files} == {"F32", "Q8_0"}


def test_a_split_model_is_one_model(store: Store, split_gguf: SplitGguf) -> None:
    """Its first part brings the others, and it is found, verified and removed as a whole."""
    parts = split_gguf()
    [model] = store.add(parts[0])
    assert model.spec == "tiny:F32"
    assert model.path.name == "tiny-F32-00001-of-00003.gguf"
    assert model.bytes == sum(part.stat().st_size for part in parts)
    assert (model.parameters, model.context) == (1568, 2048)
    assert store.installed() == [model]
    assert [check.problem for check in store.verify("tiny")] == [None]
    assert store.add(parts[0]) == [model]
    facts = read_facts(model.path)
    assert (facts.bytes, facts.parameters, facts.layers) == (model.bytes, 1568, 1)
    last = model.files[2].path
    last.write_bytes(last.read_bytes()[:-1] + b"?")
    [check] = store.verify("tiny")
    assert check.problem == f"the SHA-256 of {last.name} does not match its manifest"
    last.unlink()
    assert store.installed() == []
    assert "00003-of-00003.gguf is missing" in store.problems()[0]
    store.remove("tiny")
    assert list(store.root.iterdir()) == []


def test_a_split_model_comes_and_goes_beside_others(
    store: Store, make_gguf: MakeGguf, split_gguf: SplitGguf, tmp_path: Path
) -> None:
    """A pack with a split and a whole quantization; the split one's parts go together."""
    files = [("F32", part) for part in split_gguf()]
    store.add(pack_folder(tmp_path / "a", *files, ("Q8_0", make_gguf("other.gguf", seed=1))))
    assert [model.spec for model in store.installed()] == ["tiny:F32", "tiny:Q8_0"]
    assert len(read_manifest(store.root / "tiny").files) == 4
    store.remove("tiny:F32")
    assert {path.name for path in (store.root / "tiny").iterdir()} == {
        "tiny-Q8_0.gguf",
        MANIFEST_NAME,
        SUMS_NAME,
    }
    store.add(pack_folder(tmp_path / "b", *files))
    with pytest.raises(LocalqwqError, match="A different tiny:F32 is installed"):
        store.add(split_gguf(seed=1, folder="other")[0])


def test_parts_that_do_not_belong_together(store: Store, split_gguf: SplitGguf) -> None:
    """A later part, a lost one, a renamed one, and one of another model: a sentence each."""
    parts = split_gguf()
    with pytest.raises(LocalqwqError, match=r"name the first, tiny-F32-00001-of-00003\.gguf"):
        store.add(parts[1])
    with pytest.raises(LocalqwqError, match=r"is the first of 3 parts .* should be named"):
        store.add(parts[0].rename(parts[0].with_name("tiny.gguf")))
    parts = split_gguf()
    parts[2].write_bytes(parts[1].read_bytes())
    with pytest.raises(LocalqwqError, match="is not part 3 of 3"):
        store.add(parts[0])
    parts[2].unlink()
    with pytest.raises(LocalqwqError, match=r"part tiny-F32-00003-of-00003\.gguf is missing"):
        store.add(parts[0])
    assert not store.root.exists()


def test_what_a_file_says_is_kept(store: Store, make_gguf: MakeGguf) -> None:
    """The manifest of a single file has what its header knows."""
    store.add(make_gguf())
    manifest = read_manifest(store.root / "tiny")
    assert (manifest.rope, manifest.license, manifest.converter) == (None, None, None)
    assert manifest.files[0].bits_per_weight == 32.0
    sums = (store.root / "tiny" / SUMS_NAME).read_text()
    assert sums == f"{manifest.files[0].sha256}  tiny-F32.gguf\n"


def test_a_folder_with_an_old_manifest_is_no_pack(store: Store, make_gguf: MakeGguf) -> None:
    """Manifests of earlier versions are not read, and hurt nothing."""
    store.add(make_gguf())
    old = store.root / "old"
    old.mkdir()
    (old / "pack.json").write_text("{}")
    assert [model.spec for model in store.installed()] == ["tiny:F32"]
    assert store.problems() == []


def test_add_a_damaged_pack(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """One flipped byte, a missing file, a wrong size: nothing of the pack comes in."""
    folder = pack_folder(tmp_path / "a", ("F32", make_gguf()))
    path = folder / "tiny-F32.gguf"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(LocalqwqError, match="its SHA-256 does not match"):
        store.add(folder)
    path.write_bytes(bytes(content) + bytes(64))
    with pytest.raises(LocalqwqError, match=r"not the file that pack\.toml describes"):
        store.add(folder)
    path.unlink()
    with pytest.raises(LocalqwqError, match="is missing"):
        store.add(folder)
    assert store.installed() == []
    assert list(store.root.iterdir()) == []


def test_add_what_is_no_model(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """Absent, a text, truncated, an empty folder, a checkpoint: a sentence each, no traces."""
    text = tmp_path / "text.gguf"
    text.write_text("not a model")
    cut = make_gguf()
    cut.write_bytes(cut.read_bytes()[:-100])
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text("{}")
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, words in (
        (tmp_path / "absent", "no file or folder"),
        (text, "text.gguf"),
        (cut, "tiny-F32.gguf"),
        (checkpoint, "localqwq convert"),
        (empty, MANIFEST_NAME),
    ):
        with pytest.raises(LocalqwqError, match=words):
            store.add(path)
    assert not store.root.exists()


def test_names_that_differ_in_case_only(store: Store, make_gguf: MakeGguf) -> None:
    """They would be one folder on some file systems."""
    store.add(make_gguf())
    with pytest.raises(LocalqwqError, match="too similar"):
        store.add(make_gguf("TINY.gguf"))


def test_damage_is_found(store: Store, make_gguf: MakeGguf) -> None:
    """A changed byte is found by verifying, a changed size at a glance, and both are told."""
    [model] = store.add(make_gguf())
    content = model.path.read_bytes()
    model.path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    [check] = store.verify("tiny:F32")
    assert check.problem is not None
    assert "SHA-256" in check.problem
    model.path.write_bytes(content[:-1])
    [check] = store.verify("tiny")
    assert check.problem is not None
    assert str(model.bytes) in check.problem
    assert store.installed() == []
    [problem] = store.problems()
    assert "remove it with `localqwq models remove tiny:F32`" in problem
    assert store.damaged() == {"tiny:F32": problem}
    model.path.unlink()
    assert "is missing" in store.problems()[0]


def test_damaged_manifests_hurt_no_other_pack(store: Store, make_gguf: MakeGguf) -> None:
    """A pack with a broken manifest is a problem told, can be removed, and the rest works."""
    store.add(make_gguf())
    broken = store.root / "broken"
    broken.mkdir()
    (broken / MANIFEST_NAME).write_text("{")
    moved = store.root / "moved"
    moved.mkdir()
    (moved / MANIFEST_NAME).write_bytes((store.root / "tiny" / MANIFEST_NAME).read_bytes())
    assert [model.spec for model in store.installed()] == ["tiny:F32"]
    first, _ = store.problems()
    assert first.endswith(
        "is not TOML. Repair it, or remove the pack with `localqwq models remove broken`."
    )
    assert set(store.damaged()) == {"broken", "moved"}
    store.remove("broken")
    store.remove("moved")
    assert store.problems() == []


def test_remove(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """One quantization, then the last one and with it the folder; then there is nothing."""
    store.add(
        pack_folder(tmp_path / "a", ("F32", make_gguf()), ("Q8_0", make_gguf("other.gguf", seed=1)))
    )
    assert [model.spec for model in store.remove("tiny:Q8_0")] == ["tiny:Q8_0"]
    assert [model.spec for model in store.installed()] == ["tiny:F32"]
    with pytest.raises(LocalqwqError, match=r"has no Q8_0: it has F32"):
        store.remove("tiny:Q8_0")
    store.remove("tiny:F32")
    assert list(store.root.iterdir()) == []
    with pytest.raises(LocalqwqError, match="no pack named tiny"):
        store.remove("tiny")


def test_names_in_any_case(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """As the server takes them; no two differ by case alone."""
    two = pack_folder(
        tmp_path / "a", ("F32", make_gguf()), ("Q8_0", make_gguf("other.gguf", seed=1))
    )
    store.add(two)
    assert [model.spec for model in store.matching("TINY:q8_0")] == ["tiny:Q8_0"]
    assert store.manifest("Tiny").name == "tiny"
    assert [check.problem for check in store.verify("TINY")] == [None, None]
    assert [model.spec for model in store.remove("TINY:q8_0")] == ["tiny:Q8_0"]
    assert [model.spec for model in store.installed()] == ["tiny:F32"]
    assert [model.spec for model in store.remove("Tiny")] == ["tiny:F32"]
    assert list(store.root.iterdir()) == []


def test_the_very_name_counts_first(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """Of packs that somebody has put beside each other by hand, none is removed for another."""
    store.add(pack_folder(tmp_path / "a", ("F32", make_gguf())))
    other = store.root / "TINY"
    try:
        other.mkdir()
    except FileExistsError:
        pytest.skip("this file system has one name for both")
    manifest = (store.root / "tiny" / "pack.toml").read_text(encoding="utf-8")
    (other / "pack.toml").write_text(manifest, encoding="utf-8")
    assert [model.spec for model in store.remove("tiny")] == ["tiny:F32"]
    assert [path.name for path in store.root.iterdir()] == ["TINY"]


@pytest.mark.parametrize("name", ["..", ".", "", "/etc", "../made", "tiny/../tiny"])
def test_names_cannot_leave_the_store(store: Store, make_gguf: MakeGguf, name: str) -> None:
    """A name is looked up among the packs, never joined to a path as it comes."""
    store.add(make_gguf())
    (store.root.parent / MANIFEST_NAME).write_text("{}")
    for action in (store.matching, store.remove, store.verify):
        with pytest.raises(LocalqwqError, match="no pack named"):
            action(name)
    assert (store.root / "tiny" / MANIFEST_NAME).exists()


def test_two_at_once(store: Store, make_gguf: MakeGguf, tmp_path: Path) -> None:
    """Processes that add quantizations of one pack at the same time all find theirs there."""
    quants = ["F32", "F16", "Q8_0", "Q4_K_M"]
    folders = [
        pack_folder(tmp_path / quant, (quant, make_gguf(f"{quant}.gguf", seed=number)))
        for number, quant in enumerate(quants)
    ]
    program = (
        "import sys; from pathlib import Path; from localqwq.packs.store.store import Store; "
        "Store(Path(sys.argv[1])).add(Path(sys.argv[2]))"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(store.root), str(folder)])
        for folder in folders
    ]
    assert [child.wait(60) for child in children] == [0] * len(quants)
    assert {model.quant for model in store.installed()} == set(quants)
    assert all(check.problem is None for check in store.verify("tiny"))
    assert [path.name for path in store.root.iterdir()] == ["tiny"]


def test_leftovers_of_a_killed_process_go(store: Store, make_gguf: MakeGguf) -> None:
    """A half-filled folder that nobody holds is removed by the next one that adds."""
    left = store.root / ".adding-left"
    left.mkdir(parents=True)
    (left / "half.gguf").write_bytes(b"half")
    assert store.installed() == []
    store.add(make_gguf())
    assert [path.name for path in store.root.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("stem", "quant", "name"),
    [
        ("qwq-32b-q4_k_m", "Q4_K_M", "qwq-32b"),
        ("SmolLM2-135M-Instruct.Q4_1", "Q4_1", "SmolLM2-135M-Instruct"),
        ("my model (new)", "F16", "my-model-new"),
        ("Q8_0", "Q8_0", "Q8_0"),
        ("größe", "F16", "gr-e"),
        ("…", "F16", "model"),
    ],
)
def test_pack_names_from_file_names(stem: str, quant: str, name: str) -> None:
    """The quantization goes, and what a pack's name may not hold becomes a dash."""
    assert pack_name(stem, quant) == name


@settings(deadline=None)
@given(st.text(max_size=120), st.sampled_from(["F16", "Q4_K_M"]))
def test_every_file_name_gives_a_safe_pack_name(stem: str, quant: str) -> None:
    """Whatever a file is called, its pack has a name that a manifest may hold."""
    name = pack_name(stem, quant)
    path = f"{name}-{quant}.gguf"
    file = PackFile(quant=quant, path=path, bytes=1, sha256="0" * 64, bits_per_weight=1.0)
    Manifest(name=name, architecture="qwen2", parameters=1, context=1, files=[file])
