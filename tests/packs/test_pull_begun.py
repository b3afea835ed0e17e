"""A pull that names no quantization resumes the one it began, whatever would be chosen now."""

import importlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.locations import config_directory, packs_directory
from localqwq.packs.catalogue import Entry
from localqwq.packs.choice import Choice, ChooseUsual
from localqwq.packs.download.chunks import Chunks
from localqwq.packs.pull import Installed, pull
from localqwq.packs.store.store import Store
from tests.hub_server import Fault, Hub
from tests.packs.test_pull_sources import ENTRY

CHUNK = Chunks.of(1).size
FILES = ("tiny-q8_0.gguf", "tiny-q4_k_m.gguf")


class ChooseThis(ChooseUsual):
    """Chooses what a machine would whose free memory has changed since."""

    def __init__(self, quant: str) -> None:
        self._quant = quant

    def of_entry(self, entry: Entry) -> Choice:
        """See ``Choose``."""
        return Choice(self._quant, f"{self._quant} fits now.")

    def _of(self, quants: tuple[str, ...]) -> Choice:
        return Choice(self._quant, f"{self._quant} fits now.")


def pull_when_it_fits(spec: str, quant: str) -> Installed:
    """Pull on a machine that this quantization suits."""
    return pull(spec, choose=ChooseThis(quant))


def partial_files() -> list[Path]:
    """What is unfinished."""
    return list(packs_directory().glob(".downloads/*/*.partial"))


def noted_chunks() -> int:
    """Chunks in the one journal."""
    journals = list(packs_directory().glob(".downloads/*/*.journal"))
    assert len(journals) <= 1
    return sum(path.read_text().count("\n") // 2 for path in journals)


class Killed:
    """Pulls in other processes, all of them killed; one process starts them, as that takes long."""

    def __init__(self, hub: Hub, spec: str, starter: "subprocess.Popen[str]") -> None:
        self._hub = hub
        self._spec = spec
        self._starter = starter

    def after(self, quant: str, size: int) -> None:
        """One that is killed once so many bytes have come and all whole chunks are noted."""
        hub = self._hub
        hub.faults = {name: [Fault(hold=size)] for name in FILES}
        before, asked = noted_chunks(), len(hub.contents(FILES[0]))
        assert self._starter.stdin and self._starter.stdout
        print(self._spec, quant, file=self._starter.stdin, flush=True)
        pid = int(self._starter.stdout.readline())
        deadline = time.monotonic() + 60
        while len(hub.contents(FILES[0])) == asked or noted_chunks() < before + size // CHUNK:
            assert time.monotonic() < deadline
            hub.go_on.wait(0.01)  # nobody sets it: a pause
        os.kill(pid, signal.SIGKILL)
        assert self._starter.stdout.readline() == f"{-signal.SIGKILL}\n"
        hub.go_on.set()
        hub.go_on.clear()
        hub.faults.clear()


@contextmanager
def killing(hub: Hub, spec: str) -> Iterator[Killed]:
    """What starts pulls of ``spec``."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.packs.test_pull_begun"],
        cwd=Path(__file__).parents[2],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as starter:
        yield Killed(hub, spec, starter)


@pytest.mark.parametrize("spec", ["tiny", "hf:someone/Tiny-GGUF"])
def test_ten_kills_while_memory_changes(hub: Hub, tiny: Path, spec: str) -> None:
    """There is one file in the end, and no whole chunk of it came twice."""
    folder = config_directory() / "catalogue"
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(ENTRY)
    chance = random.Random(3)
    with killing(hub, spec) as killed:
        killed.after("Q8_0", 1000)
        for _ in range(9):
            size = chance.choice([0, CHUNK]) + chance.randrange(1000, 5000)
            killed.after(chance.choice(["Q8_0", "Q4_K_M"]), size)
            assert len(partial_files()) == 1
    whole = noted_chunks()
    installed = pull_when_it_fits(spec, "Q4_K_M")
    size = (tiny / "tiny-q8_0.gguf").stat().st_size
    assert hub.contents("tiny-q4_k_m.gguf") == []
    assert installed.fetched == size - whole * CHUNK
    assert "Resuming the interrupted download" in installed.why
    [model] = Store(packs_directory()).installed()
    assert model.quant == "Q8_0"
    assert model.path.read_bytes() == (tiny / "tiny-q8_0.gguf").read_bytes()
    assert list(packs_directory().glob(".downloads/*")) == []


def test_a_fresh_pull_chooses(hub: Hub, tiny: Path) -> None:
    """What is begun no more, because the repository lacks it now, stands in nobody's way."""
    with killing(hub, "hf:someone/Tiny-GGUF") as killed:
        killed.after("Q8_0", CHUNK + 1000)
    (tiny / "tiny-q8_0.gguf").rename(tiny / "tiny-q6_k.gguf")
    installed = pull_when_it_fits("hf:someone/Tiny-GGUF", "Q4_K_M")
    assert installed.models[0].quant == "Q4_K_M"


@pytest.mark.parametrize("spec", ["Tiny:Q8_0", "Tiny:q8_0", "Tiny"])
def test_the_name_of_an_unfinished_download(hub: Hub, tiny: Path, spec: str) -> None:
    """It is what lists show, and enough to resume a download from any place."""
    with killing(hub, "hf:someone/Tiny-GGUF") as killed:
        killed.after("Q8_0", CHUNK + 1000)
    installed = pull(spec)
    assert installed.models[0].spec == "Tiny:Q8_0"
    assert installed.fetched == (tiny / FILES[0]).stat().st_size - CHUNK
    assert list(packs_directory().glob(".downloads/*")) == []
    with pytest.raises(LocalqwqError, match="The catalogue has no Tiny"):
        pull("Tiny")


def test_a_note_that_makes_no_sense(hub: Hub, tiny: Path) -> None:
    """Then a name that means nothing means nothing."""
    with killing(hub, "hf:someone/Tiny-GGUF") as killed:
        killed.after("Q8_0", 1000)
    [note] = packs_directory().glob(".downloads/*/source.json")
    for text in ("", "[]", '{"spec": 5, "revision": null}', '{"spec": "hf:x"}'):
        note.write_text(text)
        with pytest.raises(LocalqwqError, match="The catalogue has no Tiny"):
            pull("Tiny:Q8_0")


def main() -> None:
    """Start a pull for each line; print its process, and how it ended."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    importlib.import_module("huggingface_hub.hf_api")  # once, not in each of them
    for line in sys.stdin:
        spec, quant = line.split()
        child = os.fork()
        if not child:
            pull_when_it_fits(spec, quant)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
