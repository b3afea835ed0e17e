"""The first run, and changing the model within a conversation, with real engines."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from localqwq.engine.load_options import LoadOptions
from localqwq.hardware.machine import Machine
from localqwq.locations import conversations_file, packs_directory
from localqwq.models.launch import Launch
from localqwq.packs.download.unfinished import discard, unfinished
from localqwq.packs.store.store import Store
from localqwq.planning.memory import GIB
from localqwq.tui.app import ChatApp
from localqwq.tui.first_run import FirstStepsView
from localqwq.tui.screens.chat.screen import ChatScreen
from localqwq.tui.screens.models import ModelsScreen
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.local_supply import LocalSupply
from localqwq.tui.session.models import ChildModel, Local
from localqwq.tui.widgets.aside import Aside
from localqwq.tui.widgets.models.list import ModelList
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.widgets.status import StatusLine
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.tui.widgets.transcript.welcome import Welcome
from tests.hub_server import Fault, Hub, serving
from tests.tui.test_models_screen import ENTRY
from tests.watched import Watched

MACHINE = Machine("a processor", 4, 8, 16 * GIB, 12 * GIB, ram_bandwidth=2e10, cpu_flops=2e11)


class Chat(Watched):
    """The running app, with the demo."""

    def __init__(self, app: ChatApp, pilot: Pilot[Any]) -> None:
        super().__init__(pilot)
        self.app = app

    @property
    def seen(self) -> str:
        """The model, and what is offered."""
        return f"{self.model}, {self.steps}"

    @property
    def steps(self) -> str:
        """What the welcome says of larger models; empty where it says nothing."""
        shown = [view for view in self.app.screen.query(FirstStepsView) if view.display]
        return "\n".join(str(view.render()) for view in shown)

    @property
    def model(self) -> str:
        """The model that answers, as the status line has it; empty while none does."""
        return "".join(line.model for line in self.app.screen.query(StatusLine))

    @property
    def said(self) -> list[str]:
        """The models that answered in this conversation."""
        path = self.app.session.path if self.app.session else ()
        return [turn.model for turn in path if turn.role == "assistant"]

    def is_idle(self) -> bool:
        """Whether a model waits for a prompt."""
        session = self.app.session
        return bool(self.model) and session is not None and not session.is_answering


@asynccontextmanager
async def chat(demo_gguf: Path) -> AsyncIterator[Chat]:
    """The app, once the demo answers."""
    launch = Launch(demo_gguf, "demo:Q8_0", LoadOptions(context=2048, threads=1))
    model = ChildModel(lambda: Local("demo", "Q8_0", launch))
    app = ChatApp(model, conversations_file(), Beginning(), supply=LocalSupply())
    async with app.run_test(size=(80, 24)) as pilot:
        shown = Chat(app, pilot)
        await shown.until(shown.is_idle)
        yield shown


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine without a graphics card, and a catalogue of one model."""
    monkeypatch.setattr("localqwq.models.outlook.detect", lambda: MACHINE)
    monkeypatch.setattr("localqwq.models.outlook.with_speeds", lambda machine, *_, **__: machine)
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (folder / "tiny.toml").write_text(ENTRY)
    monkeypatch.setattr("localqwq.packs.catalogue.catalogue_directories", lambda: (folder,))
    yield


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, demo_pack: Path, tmp_path: Path) -> Iterator[Hub]:
    """A hub that has the model of the catalogue."""
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        folder = tmp_path / "published"
        folder.mkdir()
        for quant in ("Q8_0", "Q4_K_M"):
            shutil.copy(demo_pack / f"demo-{quant}.gguf", folder / f"tiny-{quant.lower()}.gguf")
        hub.publish("someone/Tiny-GGUF", folder)
        yield hub


async def test_somebody_new_is_told_what_fits_and_gets_it_by_one_key(
    hub: Hub, demo_gguf: Path
) -> None:
    """The machine, the model that suits it, a key to get it, and the same key to talk with it."""
    async with chat(demo_gguf) as shown:
        await shown.until(lambda: "Recommended: Tiny in Q8_0, 2.7 MiB" in shown.steps)
        assert "This machine: no usable GPU, 16.0 GiB of memory, 4 cores." in shown.steps
        assert "✓ on the processor, 2,048 tokens, about" in shown.steps
        assert " F4  downloads the recommended model" in shown.steps
        await shown.pilot.press("f4")
        await shown.until(lambda: " F4  switches to it" in shown.steps)
        assert [model.spec for model in Store(packs_directory()).installed()] == ["tiny:Q8_0"]
        line = next(i for i, text in enumerate(shown.steps.split("\n")) if "switches to it" in text)
        await shown.until(lambda: bool(shown.app.screen.query_one(Notice).region))  # it makes room
        await shown.pilot.click(FirstStepsView, offset=(2, line))
        await shown.until(lambda: shown.model == "tiny · Q8_0")
        assert shown.steps == ""


async def test_a_plan_that_is_ready_before_the_welcome(demo_gguf: Path) -> None:
    """It is told of once there is a place for it."""
    async with chat(demo_gguf) as shown:
        await shown.until(lambda: " F7  asks the demo now" in shown.steps)
        screen = shown.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.query(Welcome).remove()
        mounting = screen.query_one(Transcript).mount(Welcome())
        screen._models.introduce()
        await mounting
        await shown.until(lambda: " F7  asks the demo now" in shown.steps)


async def test_leaving_the_app_pauses_downloads(hub: Hub, demo_gguf: Path) -> None:
    """Nothing goes on behind a person's back, and what has come can be gone on with."""
    hub.faults["tiny-q8_0.gguf"] = [Fault(hold=1_000_000)]
    async with chat(demo_gguf) as shown:
        await shown.until(lambda: "F4" in shown.steps)
        await shown.pilot.press("f4")
        await shown.until(lambda: "↓" in shown.steps and bool(unfinished(packs_directory())))
    [one] = unfinished(packs_directory())
    assert one.spec == "tiny:Q8_0"
    discard(packs_directory(), one)  # which is refused while it is under way
    assert unfinished(packs_directory()) == []


async def test_a_download_is_told_of_below_the_chat(hub: Hub, demo_gguf: Path) -> None:
    """Behind the welcome it is a line below the prompt; one key, or a click, pauses it."""
    hub.always["tiny-q8_0.gguf"] = Fault(hold=1_000_000)
    async with chat(demo_gguf) as shown:
        aside = shown.app.screen.query_one(Aside)
        await shown.until(lambda: "F4" in shown.steps)
        await shown.pilot.press("f4")
        await shown.until(lambda: "↓" in shown.steps)
        assert not aside.display  # the welcome tells of it
        await shown.pilot.press("f7")
        await shown.until(lambda: len(shown.said) == 1 and shown.is_idle())
        await shown.until(lambda: "↓ tiny:Q8_0 " in str(aside.content))
        assert "· F4 pauses it" in str(aside.content)
        await shown.until(lambda: bool(aside.region))  # it makes room
        await shown.pilot.click(Aside, offset=(4, 0))
        await shown.until(lambda: "‖ tiny:Q8_0 paused at " in str(aside.content))
        hub.always.clear()
        hub.go_on.set()
        await shown.pilot.press("f4")
        await shown.until(
            lambda: str(aside.content) == "✓ tiny:Q8_0 is downloaded · F4 switches to it"
        )
        await shown.pilot.press("f4")
        await shown.until(lambda: shown.model == "tiny · Q8_0")
        await shown.until(lambda: not aside.display)


async def test_the_model_changes_and_the_conversation_stays(demo_gguf: Path) -> None:
    """One key asks the demo; F3 chooses another model, which goes on in the conversation."""
    async with chat(demo_gguf) as shown:
        await shown.until(lambda: " F7  asks the demo now" in shown.steps)
        await shown.pilot.press("f7")
        await shown.until(lambda: len(shown.said) == 1 and shown.is_idle())
        Store(packs_directory()).add(demo_gguf, name="other")
        await shown.pilot.press("f3")
        await shown.until(lambda: isinstance(shown.app.screen, ModelsScreen))
        listed = shown.app.screen.query_one(ModelList)
        await shown.until(lambda: listed.row is not None and listed.row.name == "other:Q8_0")
        await shown.pilot.press("enter")
        await shown.until(lambda: shown.model == "other · Q8_0")
        await shown.pilot.press("ctrl+r")
        await shown.until(lambda: len(shown.said) == 1 and shown.said != ["demo Q8_0"])
        await shown.until(shown.is_idle)
        assert shown.said == ["other Q8_0"]


async def test_somebody_with_a_model_is_not_told_to_get_one(demo_gguf: Path) -> None:
    """The first steps are for the first run."""
    Store(packs_directory()).add(demo_gguf, name="mine")
    async with chat(demo_gguf) as shown:
        await shown.pilot.press("f4", "f7")
        assert shown.steps == ""
        assert shown.said == []
