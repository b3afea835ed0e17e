"""What can be known before a model's bytes come is found out before they come."""

import shutil
import struct
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.locations import config_directory, packs_directory
from localqwq.packs import preflight
from localqwq.packs.pull import pull
from localqwq.packs.store.store import Store
from tests.hub_server import Hub
from tests.packs.conftest import MakeGguf, SplitGguf
from tests.packs.test_pull_sources import ENTRY

FILE = "tiny-q8_0.gguf"


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is large enough for its header to be read first."""
    monkeypatch.setattr(preflight, "WORTH_A_LOOK", 0)


def refusal(spec: str) -> str:
    """Why a pull fails."""
    with pytest.raises(LocalqwqError) as caught:
        pull(spec)
    return str(caught.value)


def fetched_whole(hub: Hub, name: str) -> list[str]:
    """The requests for more than the beginning of a file."""
    return [part for part in hub.contents(name) if not part.endswith(f"-{(1 << 20) - 1}")]


@pytest.fixture
def other(hub: Hub, tiny: Path, tmp_path: Path) -> Path:
    """Another publisher's repository of the same name, with other bytes in the same shape."""
    folder = tmp_path / "other"
    shutil.copytree(tiny, folder)
    with (folder / FILE).open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x07")
    hub.publish("other/Tiny-GGUF", folder)
    return folder


def test_two_publishers_of_one_name(hub: Hub, tiny: Path, other: Path) -> None:
    """The second is refused before its bytes come, and has a place under another name."""
    pull("hf:someone/Tiny-GGUF:Q8_0")
    hub.requests.clear()
    words = refusal("hf:other/Tiny-GGUF:Q8_0")
    assert "A different Tiny:Q8_0 is installed" in words
    assert "--name" in words
    assert hub.contents(FILE) == []
    installed = pull("hf:other/Tiny-GGUF:Q8_0", name="tiny.other")
    assert installed.models[0].spec == "tiny.other:Q8_0"
    assert installed.models[0].path.read_bytes() == (other / FILE).read_bytes()
    assert len(Store(packs_directory()).installed()) == 2


def test_another_shape_under_one_name(
    hub: Hub, tiny: Path, tmp_path: Path, make_gguf: MakeGguf
) -> None:
    """The header says that it is another model, though nobody has that quantization yet."""
    pull("hf:someone/Tiny-GGUF:Q8_0")
    folder = tmp_path / "third"
    folder.mkdir()
    shutil.copy(make_gguf("tiny-F32.gguf", embedding=256), folder)
    hub.publish("third/Tiny-GGUF", folder)
    hub.requests.clear()
    assert "A different model named Tiny is installed" in refusal("hf:third/Tiny-GGUF")
    assert len(hub.contents("tiny-F32.gguf")) == 1
    assert not list(packs_directory().glob(".downloads/*"))


def test_names_that_differ_in_case(hub: Hub, tiny: Path) -> None:
    """They would be one folder on some disks."""
    pull("hf:someone/Tiny-GGUF:Q8_0")
    hub.publish("someone/TINY-GGUF", tiny)
    hub.requests.clear()
    words = refusal("hf:someone/TINY-GGUF:Q4_K_M")
    assert "too similar to that of the installed pack Tiny" in words
    assert "--name" in words
    assert hub.contents("tiny-q4_k_m.gguf") == []


@pytest.mark.parametrize("name", ["", "a:b", "../a", ".a", "a b", "a" * 100])
def test_names_that_no_pack_has(hub: Hub, tiny: Path, name: str) -> None:
    """They are refused before anybody is asked."""
    with pytest.raises(LocalqwqError, match="is not a name for a pack"):
        pull("hf:someone/Tiny-GGUF:Q8_0", name=name)
    assert hub.requests == []


def test_a_model_of_the_catalogue_under_a_name(hub: Hub, tiny: Path) -> None:
    """What the catalogue knows of it stays known."""
    folder = config_directory() / "catalogue"
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(ENTRY)
    assert pull("tiny:Q8_0", name="mine").models[0].spec == "mine:Q8_0"
    assert Store(packs_directory()).manifest("mine").license == "Apache-2.0"


def test_a_catalogue_model_that_is_another(hub: Hub, tiny: Path) -> None:
    """A repository that holds something else is left after its header."""
    folder = config_directory() / "catalogue"
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(ENTRY.replace("2_662_144", "32_000_000_000"))
    hub.publish("other/Tiny-GGUF", tiny)
    assert "has a different model as tiny" in refusal("tiny:Q8_0")
    assert fetched_whole(hub, FILE) == []


def test_the_architecture_of_a_split_model(hub: Hub, tmp_path: Path, split_gguf: SplitGguf) -> None:
    """Its first part has it."""
    folder = tmp_path / "mamba"
    folder.mkdir()
    for path in split_gguf("Model-F32"):
        (folder / path.name).write_bytes(path.read_bytes().replace(b"qwen2", b"mamba"))
    hub.publish("someone/Model-GGUF", folder)
    words = refusal("hf:someone/Model-GGUF")
    assert "Model-F32-00001-of-00003.gguf is a model of the architecture 'mamba'" in words
    assert hub.contents("Model-F32-00002-of-00003.gguf") == []
    assert not list(packs_directory().glob(".downloads/*"))


def test_a_split_model_that_can_be_run(hub: Hub, tmp_path: Path, split_gguf: SplitGguf) -> None:
    """The headers of its parts are read as one."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in split_gguf("Model-F32"):
        shutil.copy(path, folder)
    hub.publish("someone/Model-GGUF", folder)
    assert pull("hf:someone/Model-GGUF").models[0].spec == "Model:F32"


@pytest.mark.parametrize(("number", "name"), [(4, "Q4_2"), (200, "number 200")])
def test_types_of_the_future(
    hub: Hub, tmp_path: Path, make_gguf: MakeGguf, number: int, name: str
) -> None:
    """A file of another version is no damaged file, and is told before it comes."""
    path = make_gguf("new-F32.gguf")
    content = bytearray(path.read_bytes())
    place = content.index(b"blk.0.attn_q.weight") + len(b"blk.0.attn_q.weight") + 4 + 16
    content[place : place + 4] = struct.pack("<I", number)
    path.write_bytes(content + bytes(1 << 21))
    hub.publish("someone/New-GGUF", path.parent)
    words = refusal("hf:someone/New-GGUF")
    assert "new-F32.gguf uses a type that this version does not know" in words
    assert "damaged" not in words
    assert fetched_whole(hub, "new-F32.gguf") == []
