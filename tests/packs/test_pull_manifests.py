"""What a repository's ``pack.toml`` is good for: its own quantizations, one by one."""

import re
import shutil
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory
from localqwq.packs.figures import Figures
from localqwq.packs.manifest import read_manifest
from localqwq.packs.publish.card import model_card
from localqwq.packs.pull import pull
from localqwq.packs.recording import record
from localqwq.packs.store.store import Store
from tests.hub_server import Hub
from tests.measured import figures, speed


@pytest.fixture
def pack(hub: Hub, demo_pack: Path, tmp_path: Path) -> Path:
    """``someone/Demo-Files`` on the hub: a pack of two quantizations."""
    folder = tmp_path / "pack"
    shutil.copytree(demo_pack, folder)
    hub.publish("someone/Demo-Files", folder)
    return folder


@pytest.mark.parametrize(
    ("damage", "words"),
    [("missing", "lacks demo-Q8_0.gguf"), ("other", "has a demo-Q8_0.gguf that does not match")],
)
def test_only_the_wanted_quantization_is_checked(pack: Path, damage: str, words: str) -> None:
    """One that was lost or replaced in the repository does not take the others along."""
    path = pack / "demo-Q8_0.gguf"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"x")
    assert pull("hf:someone/Demo-Files:Q4_K_M").models[0].spec == "demo:Q4_K_M"
    with pytest.raises(LocalqwqError, match=words):
        pull("hf:someone/Demo-Files:Q8_0")


def test_figures_come_with_their_quantization(pack: Path) -> None:
    """One after the other; what was measured here meanwhile is kept."""
    record(pack, figures("Q8_0", "Q4_K_M"))
    pull("hf:someone/Demo-Files:Q4_K_M")
    installed = packs_directory() / "demo"
    assert read_manifest(installed).figures == figures("Q4_K_M")
    here = speed("Q4_K_M", machine="this one")
    record(installed, Figures(speeds=[here]))
    pull("hf:someone/Demo-Files:Q8_0")
    found = read_manifest(installed).figures
    assert here in found.speeds
    assert {one.quant for one in found.evaluations} == {"Q8_0", "Q4_K_M"}


@pytest.mark.parametrize("text", ["[package]\nname = 'demo'\n", "no TOML: at all\n", ""])
def test_a_manifest_of_another_program(hub: Hub, tiny: Path, text: str) -> None:
    """It is left aside, with a note."""
    (tiny / "pack.toml").write_text(text)
    hub.publish("someone/Tiny-GGUF", tiny)
    notes: list[str] = []
    pull("hf:someone/Tiny-GGUF:Q8_0", on_progress=lambda progress: notes.append(progress.note))
    assert any("pack.toml is not a localqwq manifest, so it is ignored." in one for one in notes)
    assert [model.spec for model in Store(packs_directory()).installed()] == ["Tiny:Q8_0"]


@pytest.mark.parametrize("repository", ["someone/Demo-Files", "other/x.y-GGUF", "a/q4_k_m"])
def test_the_commands_of_a_card_work_as_printed(
    hub: Hub, demo_pack: Path, repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the repository is called, ``chat`` finds what ``pull`` has installed."""
    hub.publish(repository, demo_pack)
    card = model_card(read_manifest(demo_pack), repository)
    commands = re.findall(r"^localqwq (.+)$", card, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["pull", "chat"]
    for command in commands:
        # A conversation waits for somebody: its model is what `ask` answers with, too.
        words = command.replace("chat ", "ask hello --max-tokens 1 -m ").split()
        assert main(words) == 0
    capsys.readouterr()
