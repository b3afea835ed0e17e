"""The list of models, by keyboard and by mouse, with the real store and a hub on loopback."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from localqwq.hardware.machine import Device, Machine
from localqwq.locations import config_directory, packs_directory, settings_file
from localqwq.packs.download.unfinished import unfinished
from localqwq.packs.recording import record
from localqwq.packs.store.store import Store
from localqwq.planning.memory import GIB
from localqwq.settings.file import SettingsFile
from localqwq.tui.screens.models import ModelsScreen
from localqwq.tui.screens.question import QuestionScreen
from localqwq.tui.session.downloads import Downloads
from localqwq.tui.session.local_supply import LocalSupply
from localqwq.tui.session.models import LocalModel, Model, RemoteModel
from localqwq.tui.widgets.models.details import Details
from localqwq.tui.widgets.models.list import ModelList
from tests.hub_server import Fault, Hub, serving
from tests.measured import figures
from tests.watched import Watched

FILE = "tiny-q8_0.gguf"
SHIPPED = Path(__file__).parents[2] / "models" / "catalogue"
MACHINE = Machine(
    "a processor",
    8,
    16,
    4 * GIB,
    2 * GIB,
    (Device("CUDA0", "a graphics card", "GPU", 23 * GIB, 24 * GIB, 9e11, 1e14, 1e-6),),
    ("CUDA", "CPU"),
    gpu_offload=True,
    ram_bandwidth=5e10,
    cpu_flops=1e12,
    cpu_latency=1e-6,
)
ENTRY = """
format = 1
name = "tiny"
title = "Tiny"
maker = "Someone"
base_model = "someone/Tiny"
summary = "A model for tests"
license = "Apache-2.0"
architecture = "qwen2"
parameters = 2_662_144
context = 2048
thinks = true
[config]
architectures = ["Qwen2ForCausalLM"]
hidden_size = 256
intermediate_size = 512
num_hidden_layers = 4
num_attention_heads = 4
num_key_value_heads = 2
vocab_size = 1166
max_position_embeddings = 2048
rms_norm_eps = 1e-6
rope_theta = 10000.0
tie_word_embeddings = true
hidden_act = "silu"
[[origins]]
hub = "huggingface"
repository = "someone/Tiny-GGUF"
files = "tiny-*.gguf"
quants = ["Q8_0", "Q4_K_M"]
"""


class Host(App[None]):
    """An app that shows nothing but the list."""

    def __init__(self, used: str = "") -> None:
        super().__init__()
        self.downloads = Downloads(lambda _: None)
        self.used = used
        self.result: Model | str | None = "open"

    def on_mount(self) -> None:
        """Opens the list."""
        self.open()

    def open(self) -> None:
        """Opens the list, perhaps again."""
        file = SettingsFile(settings_file())
        screen = ModelsScreen(LocalSupply(), self.downloads, file, self.used)
        self.push_screen(screen, self.choose)

    def choose(self, result: Model | None) -> None:
        """Keeps what the list returns."""
        self.result = result

    async def on_unmount(self) -> None:
        """Pauses downloads, as the chat does."""
        await self.downloads.close()


class Models(Watched):
    """The open list, as a person sees it."""

    def __init__(self, app: Host, pilot: Pilot[Any]) -> None:
        super().__init__(pilot)
        self.app = app

    @property
    def seen(self) -> str:
        """The list, and what is said of the model in it."""
        return f"{self.lines}, {self.details}"

    async def go(self, name: str) -> None:
        """Moves the cursor to the line that begins with a name."""
        for key in ("home", *["down"] * len(self.lines)):
            if self.line.strip(" ●★").startswith(name):
                return
            await self.pilot.press(key)
        raise AssertionError(f"there is no {name} in {self.lines}")

    async def shows(self, name: str, text: str) -> None:
        """Waits until the line of a name says something."""
        await self.until(lambda: any(name in line and text in line for line in self.lines))

    @property
    def lines(self) -> list[str]:
        """All lines of the list."""
        listed = self.app.screen.query_one(ModelList)
        return [str(option.prompt) for option in listed.options]

    @property
    def line(self) -> str:
        """The line under the cursor."""
        highlighted = self.app.screen.query_one(ModelList).highlighted
        return "" if highlighted is None else self.lines[highlighted]

    @property
    def details(self) -> str:
        """What is said of the model under the cursor."""
        return str(self.app.screen.query_one(Details).query_one(Static).render())

    @property
    def note(self) -> str:
        """What was done, or not."""
        return str(self.app.screen.query_one("#note", Static).render())


@asynccontextmanager
async def models(used: str = "", size: tuple[int, int] = (80, 24)) -> AsyncIterator[Models]:
    """The list, once it knows how everything would run."""
    app = Host(used)
    async with app.run_test(size=size) as pilot:
        shown = Models(app, pilot)
        await shown.until(lambda: planned(shown))
        yield shown


def planned(shown: Models) -> bool:
    """Whether the machine is known, and with it all verdicts."""
    return any("cores" in str(box.border_subtitle) for box in shown.app.screen.query("#models"))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with one graphics card, and a catalogue of one small model."""
    monkeypatch.setattr("localqwq.models.outlook.detect", lambda: MACHINE)
    monkeypatch.setattr("localqwq.models.outlook.with_speeds", lambda machine, *_, **__: machine)
    folder = config_directory() / "catalogue"
    monkeypatch.setattr("localqwq.packs.catalogue.catalogue_directories", lambda: (folder,))
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(ENTRY)
    yield


@pytest.fixture
def large_models() -> None:
    """Two large models in the catalogue, of which one fits."""
    for name in ("qwq-32b.toml", "r1-distill-llama-70b.toml"):
        shutil.copy(SHIPPED / name, config_directory() / "catalogue")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, demo_pack: Path, tmp_path: Path) -> Iterator[Hub]:
    """A hub that has the tiny model in two quantizations: the demo under another name."""
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for quant in ("Q8_0", "Q4_K_M"):
            shutil.copy(demo_pack / f"demo-{quant}.gguf", tmp_path / f"tiny-{quant.lower()}.gguf")
        hub.publish("someone/Tiny-GGUF", tmp_path)
        yield hub


@pytest.fixture
def installed(demo_gguf: Path) -> str:
    """A model that was added to the store."""
    [model] = Store(packs_directory()).add(demo_gguf, name="mine")
    return model.spec


async def test_everything_has_a_verdict_before_it_is_downloaded(
    installed: str, large_models: None
) -> None:
    """What is here, what fits and how, and what does not, with the plan's drawing.

    And what was measured of it.
    """
    record(packs_directory() / "mine", figures("Q8_0"))
    async with models(used=installed, size=(140, 45)) as shown:
        assert shown.line.startswith("●  mine:Q8_0")
        assert "in use: all on CUDA0" in shown.line
        assert str(packs_directory() / "mine") in shown.details
        assert "75.0% right (60.0% to 86.0%) in aime24" in shown.details
        await shown.go("qwq-32b:Q4_K_M")
        assert "18.5 GiB" in shown.line
        assert re.search(r"✓ all on CUDA0, 2\d,\d{3} tokens, about \d\d tokens/s", shown.line)
        assert "Apache-2.0" in shown.details
        assert "65 of 65 layers" in shown.details
        assert "18.5 GiB to download" in shown.details
        await shown.go("r1-distill-llama-70b:Q2_K")
        assert "Too large for this machine, even in their smallest" in "".join(shown.lines)
        assert "✗ " in shown.line
        assert "✗ Too large" in shown.details


async def test_a_narrow_terminal_has_short_verdicts(large_models: None) -> None:
    """At 80 columns nothing that matters is cut off."""
    async with models() as shown:
        await shown.go("qwq-32b:Q4_K_M")
        assert re.search(r"✓ 65/65 on GPU, 2\dk, \d\d/s$", shown.line.rstrip())


async def test_quantizations_are_chosen_by_keys_and_by_mouse(large_models: None) -> None:
    """Each has its own verdict, size and drawing."""
    async with models(size=(140, 45)) as shown:
        await shown.go("qwq-32b")
        await shown.pilot.press("right")
        assert "qwq-32b:IQ4_XS" in shown.line
        assert "[IQ4_XS]" in shown.details
        place = shown.details.split("\n")[4].index("Q6_K")
        await shown.pilot.click(Details, offset=(2 + place, 5))
        await shown.until(lambda: "qwq-32b:Q6_K" in shown.line)
        assert "65 layers" in shown.details


async def test_a_download_is_paused_and_goes_on_after_a_restart(hub: Hub) -> None:
    """What came before is not fetched again, and what is here can be used at once."""
    hub.faults[FILE] = [Fault(hold=1_000_000)]
    async with models() as shown:
        await shown.go("tiny:Q8_0")
        await shown.pilot.press("enter")
        await shown.until(lambda: "↓" in shown.line and bool(unfinished(packs_directory())))
        assert "continues when you leave" in shown.note
        await shown.pilot.press("escape")
        shown.app.open()
        await shown.until(lambda: planned(shown))
        await shown.go("tiny:Q8_0")
        assert " of 2.7 MiB" in shown.details
        await shown.pilot.press("enter")
        hub.go_on.set()
        await shown.shows("tiny:Q8_0", "‖ paused at")
    async with models() as shown:
        await shown.go("tiny:Q8_0")
        assert "‖ paused at" in shown.line
        assert "‖ Paused at" in shown.details
        await shown.pilot.press("enter")
        await shown.shows("tiny:Q8_0", "installed")
        assert sum(request == "bytes=0-" for request in hub.contents(FILE)) <= 1
        assert int(hub.contents(FILE)[-1].split("-")[0]) >= 1_000_000
        await shown.pilot.press("enter")
        await shown.until(lambda: isinstance(shown.app.result, LocalModel))


async def test_the_list_rests_while_nothing_comes(hub: Hub) -> None:
    """It looks how far a download is only while there is one."""
    hub.faults[FILE] = [Fault(hold=1_000_000)]
    async with models() as shown:
        screen = shown.app.screen
        assert isinstance(screen, ModelsScreen)
        beat = screen.beat
        assert beat is not None
        await shown.until(lambda: beat.is_resting)
        await shown.go("tiny:Q8_0")
        await shown.pilot.press("enter")
        await shown.until(lambda: "↓" in shown.line and bool(unfinished(packs_directory())))
        assert not beat.is_resting
        hub.go_on.set()
        await shown.shows("tiny:Q8_0", "installed")
        await shown.until(lambda: beat.is_resting)


async def test_a_download_that_fails_says_why_and_can_be_tried_again(hub: Hub) -> None:
    """One sentence, and Enter tries once more."""
    folders = hub.commits.pop("someone/Tiny-GGUF")
    async with models(size=(140, 45)) as shown:
        await shown.go("tiny:Q8_0")
        await shown.pilot.press("enter")
        await shown.shows("tiny:Q8_0", "! failed; ⏎ tries again")
        assert "! tiny:Q8_0 cannot be downloaded" in shown.details
        hub.commits["someone/Tiny-GGUF"] = folders
        await shown.pilot.press("enter")
        await shown.shows("tiny:Q8_0", "installed")


async def test_a_download_that_was_paused_can_be_thrown_away(hub: Hub) -> None:
    """It was paused by leaving the app; the question's harmless answer has the focus."""
    hub.faults[FILE] = [Fault(hold=1_000_000)]
    async with models() as shown:
        await shown.go("tiny:Q8_0")
        await shown.pilot.press("enter")
        await shown.until(lambda: "↓" in shown.line and bool(unfinished(packs_directory())))
    async with models() as shown:
        await shown.go("tiny:Q8_0")
        assert "‖ paused at" in shown.line
        await shown.pilot.press("delete")
        await shown.until(lambda: isinstance(shown.app.screen, QuestionScreen))
        await shown.pilot.press("enter")
        await shown.until(lambda: isinstance(shown.app.screen, ModelsScreen))
        assert "‖ paused at" in shown.line
        await shown.pilot.press("delete", "y")
        await shown.shows("tiny:Q8_0", "✓")
    assert not list((packs_directory() / ".downloads").glob("*/*.partial"))


async def test_a_full_disk_is_told_before(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of anybody for a file that there is no room for."""
    monkeypatch.setattr("localqwq.models.stock._room", lambda _: 1 << 20)
    async with models() as shown:
        await shown.go("tiny:Q8_0")
        assert "free some space first" in shown.details
        await shown.pilot.press("enter")
        assert shown.note.startswith("Not started: tiny:Q8_0 takes 2.7 MiB and 1.0 MiB are free")
        assert hub.requests == []


async def test_the_model_to_begin_with_is_remembered(installed: str) -> None:
    """One key writes it into the settings, and takes it out again."""
    async with models() as shown:
        await shown.go(installed)
        await shown.pilot.press("d")
        await shown.until(lambda: "★" in shown.line)
        assert SettingsFile(settings_file()).read().model == installed
    async with models() as shown:
        await shown.go(installed)
        assert "★" in shown.line
        await shown.pilot.press("d")
        await shown.until(lambda: "★" not in shown.line)
        assert SettingsFile(settings_file()).read().model is None


async def test_removing_asks_first(installed: str) -> None:
    """The model in use stays; another one goes after a question."""
    async with models(used=installed) as shown:
        await shown.pilot.press("delete")
        await shown.until(lambda: "is in use" in shown.note)
    async with models() as shown:
        await shown.go(installed)
        await shown.pilot.press("delete")
        await shown.until(lambda: isinstance(shown.app.screen, QuestionScreen))
        await shown.pilot.click("#yes")
        await shown.until(
            lambda: (
                isinstance(shown.app.screen, ModelsScreen)
                and not any("mine:" in line for line in shown.lines)
            )
        )
    assert Store(packs_directory()).installed() == []


async def test_another_programs_model_is_used_in_place(
    demo_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found, taken over by Enter, and used by another Enter; not a byte is copied."""
    folder = tmp_path / "studio" / "someone" / "Theirs-GGUF"
    folder.mkdir(parents=True)
    shutil.copy(demo_gguf, folder / "Theirs-Q8_0.gguf")
    monkeypatch.setattr(
        "localqwq.packs.store.other_programs.studio_directories", lambda: [tmp_path / "studio"]
    )
    async with models(size=(140, 45)) as shown:
        await shown.go("lmstudio:")
        assert "used in place" in shown.line
        await shown.pilot.press("enter")
        await shown.until(lambda: any("Theirs:Q8_0" in line for line in shown.lines))
    [model] = Store(packs_directory()).installed()
    assert model.path.samefile(folder / "Theirs-Q8_0.gguf")


async def test_an_endpoint_of_the_settings_can_be_chosen() -> None:
    """A click goes to it, another one uses it."""
    settings_file().write_text('[[endpoints]]\nname = "lab"\nurl = "http://127.0.0.1:9/v1"\n')
    async with models(size=(140, 45)) as shown:
        await shown.go("lab")
        assert "http://127.0.0.1:9/v1" in shown.line
        await shown.pilot.press("home")
        below_both_headings = (6, 4)
        await shown.pilot.click(ModelList, offset=below_both_headings)
        assert "lab" in shown.line
        await shown.pilot.click(ModelList, offset=below_both_headings)
        await shown.until(lambda: isinstance(shown.app.result, RemoteModel))


async def test_leaving_changes_nothing(installed: str) -> None:
    """Escape stays with the model in use, and so does choosing that."""
    for key in ("escape", "enter"):
        async with models(used=installed) as shown:
            await shown.pilot.press(key)
            await shown.until(lambda: shown.app.result is None)
