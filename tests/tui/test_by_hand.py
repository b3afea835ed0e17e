"""Loading a model by hand in the app: the plan follows each value, and llama.cpp the plan."""

import asyncio
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from localqwq.engine.rpc.client import has_rpc
from localqwq.hardware.detection import detect
from localqwq.locations import conversations_file, settings_file
from localqwq.models.by_hand import by_hand
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.outlook import Outlook
from localqwq.models.spec import resolve
from localqwq.planning.memory import GIB
from localqwq.settings.values import WrongValue
from localqwq.tui.app import ChatApp
from localqwq.tui.screens.by_hand import ByHandScreen
from localqwq.tui.screens.models import ModelsScreen
from localqwq.tui.session import launch_values
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.local_supply import LocalSupply
from localqwq.tui.widgets.plan.outcome import OutcomeView
from localqwq.tui.widgets.plan.row import ValueRow
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine
from tests.known_speeds import note_speeds
from tests.machines import gpu, machine, qwq
from tests.rpc_servers import rpc_server
from tests.watched import Watched

LOADING = """
import sys
from localqwq.engine.engine import Engine
from localqwq.engine.llama.library import binding
from localqwq.models.launch import Launch

llama = binding()
show = llama.llama_log_callback(lambda level, text, data: print(text.decode(), end=""))
llama.llama_log_set(show, None)
found = Launch.from_json(sys.argv[1])
Engine.load(found.model, found.load).close()
"""


def loaded(launch: Launch) -> str:
    """What llama.cpp says while a model is loaded as a process of the app is told to."""
    command = [sys.executable, "-c", LOADING, launch.as_json()]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Recorded(LocalSupply):
    """The app's supply, which remembers how models were loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.launches: list[Launch] = []

    def _launched(self, wanted: Any) -> Any:
        local = super()._launched(wanted)
        self.launches.append(local.launch)
        return local


class ByHandSeen(Watched):
    """The app with the page open, as a person sees it."""

    def __init__(self, app: ChatApp, supply: Recorded, pilot: Pilot[Any]) -> None:
        super().__init__(pilot)
        self.app = app
        self.supply = supply

    @property
    def seen(self) -> str:
        """The plan, and what was done."""
        return f"{self.app.screen}\n{self.plan}\n{self.note}"

    @property
    def plan(self) -> str:
        """What the values lead to."""
        return "".join(
            str(view.query_one(Static).render()) for view in self.app.screen.query(OutcomeView)
        )

    @property
    def note(self) -> str:
        """What was done, or not."""
        return "".join(
            str(note.render()) for note in self.app.screen.query("#note").results(Static)
        )

    def row(self, key: str) -> ValueRow:
        """The row of a value."""
        return next(row for row in self.app.screen.query(ValueRow) if row.setting.key == key)

    async def open(self, *keys: str) -> None:
        """Opens the page by these keys."""
        await self.pilot.press(*keys)
        await self.until(lambda: isinstance(self.app.screen, ByHandScreen) and bool(self.plan))

    async def choose(self, key: str, *presses: str) -> None:
        """Presses keys in the field of a value."""
        await self.pilot.pause()
        self.app.screen.set_focus(self.row(key).editor)
        await self.pilot.press(*presses)

    def is_loaded(self, launches: int) -> bool:
        """Whether a model answers that was loaded as the so many-th one."""
        session = self.app.session
        ready = session is not None and session.connection.limits is not None
        return ready and len(self.supply.launches) == launches and not self.activity

    @property
    def activity(self) -> str:
        """What the status line says is going on."""
        assert self.app.chat is not None
        return self.app.chat.query_one(StatusLine).activity


@asynccontextmanager
async def app(
    options: LaunchOptions | None = None, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[ByHandSeen]:
    """The app, once the demo answers; loaded with ``options``."""
    supply = Recorded()
    model = supply.first("demo", lambda: options or LaunchOptions(threads=1))
    chat = ChatApp(model, conversations_file(), Beginning(), supply=supply)
    async with chat.run_test(size=size) as pilot:
        shown = ByHandSeen(chat, supply, pilot)
        await shown.until(lambda: shown.is_loaded(1))
        yield shown


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two devices of other processes."""
    if not has_rpc():
        pytest.skip("this llama.cpp was built without RPC")
    with rpc_server() as first, rpc_server() as second:
        monkeypatch.setenv("LOCALQWQ_RPC", f"{first.address},{second.address}")
        note_speeds(detect())
        yield


OPEN = (*"/plan", "enter")


@pytest.mark.usefixtures("two_devices")
async def test_llama_cpp_does_what_the_page_shows() -> None:
    """Layers, shares, cache, batch, threads and context: as planned, loaded, and kept."""
    async with app() as shown:
        await shown.open("slash", *OPEN[1:])
        assert shown.row("threads").text == "1"
        await shown.choose("gpu_layers", "3")
        await shown.choose("tensor_split", *("2", "comma", "1"))
        await shown.until(lambda: "3 of 5 layers on RPC0 and RPC1" in shown.plan)
        await shown.choose("gpu_layers", "right")
        await shown.until(lambda: "4 of 5 layers on RPC0 and RPC1" in shown.plan)
        await shown.choose("gpu_layers", "left")
        await shown.choose("kv", "right")
        await shown.choose("batch", *("6", "4"))
        await shown.choose("context", *"1024")
        await shown.choose("mmap", "left")
        await shown.until(
            lambda: "1,024 tokens. Its cache is Q8_0, its attention flash" in shown.plan
        )
        await shown.until(lambda: "batches of 64 tokens" in shown.plan)
        await shown.pilot.press("ctrl+x", "k")
        await shown.until(lambda: "Kept" in shown.note)
        await shown.pilot.press("enter")
        await shown.until(lambda: shown.is_loaded(2))
        session = shown.app.session
        assert session is not None and session.connection.limits is not None
        assert session.connection.limits.tokens == 1024
        launch = shown.supply.launches[-1]
    log = await asyncio.to_thread(loaded, launch)
    assert "offloaded 3/5 layers" in log
    assert re.findall(r"layer +(\d+) assigned to device (\w+),", log) == [
        *(("0", "CPU"), ("1", "CPU")),
        *(("2", "RPC0"), ("3", "RPC0"), ("4", "RPC1")),
    ]
    assert re.search(r"n_ubatch +(?:\(per seq\) +)?= 64", log)
    assert re.search(r"n_ctx +(?:\(per seq\) +)?= 1024", log)
    assert "q8_0" in log
    assert "CPU_Mapped" not in log
    assert tomllib.loads(settings_file().read_text(encoding="utf-8"))["models"] == {
        "demo": {
            "context": 1024,
            "gpu_layers": 3,
            "tensor_split": "2,1",
            "threads": 1,
            "batch": 64,
            "kv": "q8_0",
            "mmap": False,
        }
    }


async def test_impossible_values_are_told_at_once() -> None:
    """In a sentence, in place of a plan; and nothing is loaded or kept."""
    async with app() as shown:
        await shown.open("slash", *OPEN[1:])
        await shown.choose("devices", *"CUDA7")
        await shown.until(lambda: "no device CUDA7" in shown.plan)
        await shown.choose("devices", "delete")
        await shown.until(lambda: "Fits" in shown.plan)
        await shown.choose("threads", "delete", "0")
        await shown.until(lambda: "Threads must be a whole number from 1 to 512" in shown.plan)
        await shown.pilot.press("enter")
        await shown.until(lambda: "Not loaded: Threads must be" in shown.note)
        await shown.choose("threads", "delete")
        await shown.choose("context", *"999999")
        await shown.until(lambda: "choose at most 2,048" in shown.plan)
        await shown.pilot.press("ctrl+x", "k")
        await shown.until(lambda: "Not kept: " in shown.note)
        await shown.choose("context", "delete")
        await shown.choose("reserve", *"900G")
        await shown.until(lambda: "Too large" in shown.plan)
        await shown.pilot.press("enter")
        await shown.until(lambda: "Not loaded: demo in Q8_0 needs" in shown.note)
        await shown.pilot.press("escape")
        await shown.until(lambda: not isinstance(shown.app.screen, ByHandScreen))
        assert len(shown.supply.launches) == 1
        assert not settings_file().exists() or "[models" not in settings_file().read_text("utf-8")


async def test_from_the_list_of_models() -> None:
    """Its page for a model opens above it, and what is chosen there is loaded."""
    async with app(LaunchOptions(context=512, threads=1)) as shown:
        await shown.pilot.press("f3")
        await shown.until(lambda: isinstance(shown.app.screen, ModelsScreen))
        await shown.until(lambda: "b" in shown.app.screen.active_bindings)
        await shown.open("b")
        assert shown.row("context").text == "512"
        await shown.pilot.press("f3")
        await shown.until(lambda: isinstance(shown.app.screen, ModelsScreen))
        await shown.open("b")
        await shown.choose("context", "right")
        await shown.until(lambda: "1,024 tokens" in shown.plan)
        await shown.pilot.press("enter")
        await shown.until(lambda: shown.is_loaded(2))
        assert shown.supply.launches[-1].load.context == 1024
        assert isinstance(shown.app.screen.focused, Prompt)


async def test_what_the_settings_say_can_be_left_to_the_plan() -> None:
    """For this run, and for later ones; and reset takes back everything."""
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[models.demo]\nthreads = 1  # quiet\n[models.other]\nbatch = 64\n", "utf-8")
    async with app(LaunchOptions(batch=32)) as shown:
        assert shown.supply.launches[0].load.threads == 1
        await shown.open("slash", *OPEN[1:])
        assert (shown.row("threads").text, shown.row("batch").text) == ("1", "32")
        await shown.pilot.press("ctrl+x", "r")
        await shown.until(lambda: "batches of 32 " not in shown.plan)
        assert not any(row.text for row in shown.app.screen.query(ValueRow))
        await shown.pilot.press("ctrl+x", "k")
        await shown.until(lambda: "Kept" in shown.note)
        assert tomllib.loads(path.read_text("utf-8"))["models"] == {"other": {"batch": 64}}


def test_texts_and_options() -> None:
    """Each says the same as the other."""
    meant = LaunchOptions(
        context=1024,
        gpu_layers=3,
        devices=("CUDA0", "CUDA1"),
        tensor_split=(3.0, 1.0),
        threads=2,
        batch=64,
        kv_type="q8_0",
        parallel=2,
        reserve=GIB * 3 // 2,
        rope="off",
        mmap=False,
        flash="on",
        repack="off",
    )
    assert None not in astuple(meant)
    assert launch_values.options(launch_values.texts(meant)) == meant
    assert launch_values.options(launch_values.texts(LaunchOptions())) == LaunchOptions()
    nowhere = LaunchOptions(devices=())
    assert launch_values.options(launch_values.texts(nowhere)) == nowhere
    for wrong in ({"mmap": "perhaps"}, {"reserve": "much"}, {"tensor_split": "a"}, {"kv": "q5"}):
        with pytest.raises(WrongValue):
            launch_values.options(wrong)


@pytest.mark.parametrize(
    ("text", "usual", "step", "found"),
    [
        ("2", "", 1, "4"),
        ("2", "", -1, "1"),
        ("3", "", 1, "4"),
        ("3", "", -1, "2"),
        ("", "2", 1, "4"),
        ("1", "", -1, ""),
        ("8", "", 1, "8"),
        ("9", "", 1, "9"),
        ("", "", 1, "1"),
        ("x", "", 1, "1"),
    ],
)
def test_steps(text: str, usual: str, step: int, found: str) -> None:
    """Up and down among the values, from what the plan takes; below the first one nothing."""
    assert launch_values.stepped(("1", "2", "4", "8"), text, usual, step) == found


def test_what_is_offered(demo_gguf: Path) -> None:
    """It depends on the model and the machine, and all of it can be planned."""
    two = Outlook(machine(64 * GIB, gpu(24 * GIB, "CUDA0"), gpu(12 * GIB, "CUDA1")))
    model = replace(by_hand(resolve(str(demo_gguf)), LaunchOptions(), 2, None), outlook=two)
    model = replace(model, facts=qwq())
    assert launch_values.ladder("gpu_layers", model, "")[-1] == "65"
    assert launch_values.ladder("devices", model, "") == ["none", "CUDA0", "CUDA1", "CUDA0,CUDA1"]
    assert launch_values.ladder("tensor_split", model, "CUDA1") == []
    for field in launch_values.fields():
        for text in launch_values.ladder(field.key, model, ""):
            options = launch_values.options({field.key: text})
            found = launch_values.planned(model.outcome(options))
            if field.key in ("context", "gpu_layers", "threads", "kv", "parallel"):
                assert found[field.key] == text
