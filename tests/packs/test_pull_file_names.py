"""Repositories whose files are named in ways of their own."""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory
from localqwq.packs.pull import pull
from localqwq.packs.store.store import Store
from tests.hub_server import Hub
from tests.packs.conftest import SplitGguf

Publish = Callable[..., Path]


@pytest.fixture
def publish(hub: Hub, demo_pack: Path, tmp_path: Path) -> Publish:
    """A function that publishes ``someone/Some-GGUF`` with the demo's files under other names."""

    def with_names(**names: str) -> Path:
        folder = tmp_path / "some"
        folder.mkdir()
        for quant, listed in names.items():
            for name in listed.split():
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                shutil.copy(demo_pack / f"demo-{quant}.gguf", path)
        hub.publish("someone/Some-GGUF", folder)
        return folder

    return with_names


def installed() -> set[str]:
    """What is in the store."""
    return {model.spec for model in Store(packs_directory()).installed()}


def refusal(spec: str) -> str:
    """Why a pull fails."""
    with pytest.raises(LocalqwqError) as caught:
        pull(spec)
    return str(caught.value)


def test_a_name_without_a_quantization(hub: Hub, publish: Publish) -> None:
    """The header says it, so that it can be asked for, and is known to be there the next time."""
    publish(Q8_0="model.gguf")
    pull("hf:someone/Some-GGUF:Q8_0")
    assert installed() == {"Some:Q8_0"}
    assert pull("hf:someone/Some-GGUF").fetched == 0
    assert "has no Q2_K, only Q8_0" in refusal("hf:someone/Some-GGUF:Q2_K")


def test_vague_names(hub: Hub, publish: Publish) -> None:
    """``-q4`` may be anything of four bits."""
    publish(Q4_K_M="some-q4.gguf", Q8_0="some-q8.gguf")
    pull("hf:someone/Some-GGUF:Q4_K_M")
    pull("hf:someone/Some-GGUF:Q8_0")
    assert installed() == {"Some:Q4_K_M", "Some:Q8_0"}


@pytest.mark.parametrize(
    ("name", "quant"),
    [("Some-imatrix-Q8_0.gguf", "Q8_0"), ("Some-MXFP4_MOE.gguf", "MXFP4_MOE"),
     ("Some-UD-Q8_K_XL.gguf", "UD_Q8_K_XL"), ("Some-Q8_0.GGUF", "Q8_0"),
     ("Some-Q8_0-imat.gguf", "Q8_0")],
)  # fmt: skip
def test_names_that_say_more(hub: Hub, publish: Publish, name: str, quant: str) -> None:
    """What is no quantization in them does no harm."""
    publish(Q8_0=name)
    pull(f"hf:someone/Some-GGUF:{quant}")
    assert installed() == {f"Some:{quant}"}


def test_what_lies_beside_a_model(hub: Hub, publish: Publish) -> None:
    """Projectors, drafts, adapters and importance matrices are no quantizations of it."""
    beside = """Some-mmproj-F16.gguf mm-proj-some-F16.gguf some.projector.gguf Some-DRAFT-Q8_0.gguf
        eagle3-some-F16.gguf Some-lora-F16.gguf"""
    folder = publish(Q8_0="Some-Q8_0.gguf", Q4_K_M=beside)
    (folder / "Some-Q8_0.imatrix.gguf").write_bytes(b"GGUF" + bytes(50))
    (folder / "imatrix.gguf").write_bytes(b"GGUF" + bytes(50))
    assert pull("hf:someone/Some-GGUF").why == ""
    assert installed() == {"Some:Q8_0"}


def test_a_repository_of_drafts(hub: Hub, publish: Publish) -> None:
    """Where there is nothing else, that is what is meant."""
    publish(Q8_0="Some-DRAFT-0.5B-Q8_0.gguf")
    pull("hf:someone/Some-GGUF")
    assert installed() == {"Some:Q8_0"}


def test_two_models_in_one_repository(hub: Hub, publish: Publish) -> None:
    """Nobody guesses: the sentence names a file of each, and either can be had by its name."""
    folder = publish(Q8_0="Some-8B-Q8_0.gguf Some-14B-Q8_0.gguf", Q4_K_M="Some-8B-Q4_K_M.gguf")
    for spec in ("hf:someone/Some-GGUF", "hf:someone/Some-GGUF:Q8_0"):
        words = refusal(spec)
        assert "hf:someone/Some-GGUF/Some-8B-Q" in words
        assert "hf:someone/Some-GGUF/Some-14B-Q8_0.gguf" in words
    assert hub.contents("Some-8B-Q8_0.gguf") == []
    pull("hf:someone/Some-GGUF/Some-14B-Q8_0.gguf")
    pull("hf:someone/Some-GGUF/Some-8B-Q8_0.gguf")
    pull("hf:someone/Some-GGUF:Q4_K_M", name="only.one")
    assert installed() == {"Some-14B:Q8_0", "Some-8B:Q8_0", "only.one:Q4_K_M"}
    assert folder.exists()


def test_a_folder_of_a_repository(hub: Hub, publish: Publish) -> None:
    """The address of a page that shows it."""
    publish(Q8_0="big/Some-Q8_0.gguf", Q4_K_M="Some-Q4_K_M.gguf")
    pull(f"{hub.url}/someone/Some-GGUF/tree/main/big")
    pull(f"{hub.url}/someone/Some-GGUF/blob/main/Some-Q4_K_M.gguf")
    assert installed() == {"Some:Q8_0", "Some:Q4_K_M"}


@pytest.mark.parametrize("quoted", [True, False])
def test_parts_behind_a_url_with_any_letters(
    hub: Hub, tmp_path: Path, split_gguf: SplitGguf, quoted: bool
) -> None:
    """The other parts' URLs are made of the first one's, however its name is quoted."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for path in split_gguf("Some+Model_(v2)-F32"):
        shutil.copy(path, folder)
    hub.publish("someone/odd", folder)
    name = "Some+Model_(v2)-F32-00001-of-00003.gguf"
    pull(f"{hub.url}/plain/someone/odd/{quote(name) if quoted else name}")
    assert installed() == {"Some-Model_-v2:F32"}


@pytest.mark.parametrize("spec", ["hf:someone/Some-GGUF:Q8_0", "ms:someone/Some-GGUF:Q8_0"])
def test_files_without_a_checksum(hub: Hub, publish: Publish, spec: str) -> None:
    """They come all the same, after a break too, and somebody is told what was checked."""
    folder = publish(Q8_0="Some-Q8_0.gguf")
    hub.no_checksums = True
    notes: list[str] = []
    pull(spec, on_progress=lambda progress: notes.append(progress.note))
    assert any("has no checksum for Some:Q8_0" in note for note in notes)
    [model] = Store(packs_directory()).installed()
    assert model.path.read_bytes() == (folder / "Some-Q8_0.gguf").read_bytes()
