"""An engine's process that starts before it is known what it will load."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from localqwq.engine.engine_load import EngineLoad
from localqwq.engine.load_options import LoadOptions
from localqwq.hardware import probe
from localqwq.hardware.detection import detect
from localqwq.locations import packs_directory
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.packs.store.store import Store
from localqwq.server.engine.frames import read_message
from localqwq.server.engine.messages import MAX_WAITING, Load, Served, from_bytes, to_up
from localqwq.server.pool.installed import HowToLoad, InstalledModels
from localqwq.server.pool.keeping import keep_revived
from localqwq.server.pool.pool import Pool
from localqwq.server.pool.source import Room
from localqwq.server.supervision.own_engine import own_engine
from localqwq.server.supervision.waiting import WaitingEngine, waiting_engine
from localqwq.settings.sections import ServingSettings
from tests.child_processes import children_with


def load(model: Path, context: int = 256) -> Load:
    """A small load."""
    options = LoadOptions(context=context, threads=1)
    return Load(EngineLoad(model.absolute(), "demo:Q8_0", options), MAX_WAITING)


@pytest.fixture
def waiting() -> Iterator[WaitingEngine]:
    """One that nobody else knows; it does not survive the test."""
    found = WaitingEngine()
    yield found
    with contextlib.suppress(OSError):
        found.end()


@pytest.fixture(autouse=True)
def _none_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one of this process ends with the test, and is not asked after it."""
    monkeypatch.setattr(probe, "_others", [])
    yield
    waiting_engine.end()


def test_it_lists_the_devices_and_then_loads(demo_gguf: Path, waiting: WaitingEngine) -> None:
    """As the process does that lists devices and ends."""
    report, problem = waiting.described()
    assert problem is None
    ended, _ = probe.probe()
    assert (report.llama_cpp, report.backends) == (ended.llama_cpp, ended.backends)
    assert [one.name for one in report.devices] == [one.name for one in ended.devices]
    waiting.load(load(demo_gguf))
    while not isinstance(message := to_up(from_bytes(read_message(waiting.socket))), Served):
        pass
    assert message.facts.path == demo_gguf.absolute()


def test_it_dies_of_the_devices(waiting: WaitingEngine) -> None:
    """As of a broken driver: a sentence, and no process."""
    os.kill(waiting.process.pid, signal.SIGSTOP)  # so that it cannot answer first
    os.kill(waiting.process.pid, signal.SIGKILL)
    report, problem = waiting.described()
    assert report.devices == []
    assert problem is not None
    assert "ended by signal 9" in problem


def test_devices_that_hang(waiting: WaitingEngine) -> None:
    """They are not waited for, and the process is not left behind."""
    os.kill(waiting.process.pid, signal.SIGSTOP)
    _, problem = waiting.described(patience=0.2)
    assert problem is not None
    assert "did not list its devices" in problem
    assert not psutil.pid_exists(waiting.process.pid)


def test_detection_asks_it(demo_gguf: Path) -> None:
    """As long as it waits: what loads a model is left alone."""
    waiting_engine.begin()
    waiting_engine.begin()
    [process] = own_engines()
    found = detect()
    assert found.llama_cpp is not None
    assert found.problems == ()
    assert own_engines() == [process], "it is the same one, and still there"
    waiting_engine.load(load(demo_gguf))
    assert probe.asked() is None


def test_whoever_gives_up_does_not_wait_for_devices() -> None:
    """A driver that hangs holds up neither the end of the app nor whoever lists the devices."""
    waiting_engine.begin()
    [process] = own_engines()
    process.suspend()
    found: list[probe.Found | None] = []
    asking = threading.Thread(target=lambda: found.append(probe.asked()))
    asking.start()
    while not waiting_engine._lock.locked():
        time.sleep(0.01)  # a lock that is taken sets no event
    waiting_engine.end()
    asking.join(10)
    assert not asking.is_alive()
    [answer] = found
    assert answer is not None
    assert answer[1] is not None
    assert "ended by signal 9" in answer[1]


async def test_it_is_what_loads_the_model(demo_gguf: Path) -> None:
    """Its process becomes the engine's, told to load ahead or not."""
    launch = Launch(demo_gguf, "demo:Q8_0", LoadOptions(context=256, threads=1))
    for ahead in (False, True):
        waiting_engine.begin()
        [process] = own_engines()
        if ahead:
            waiting_engine.load(Load(launch.engine_load, MAX_WAITING))
        supervisor = own_engine(launch)
        try:
            engine = await supervisor.start()
            assert supervisor.pid == process.pid
            assert (await engine.state()).context == 256
        finally:
            await supervisor.stop()
        assert own_engines() == []


async def test_another_model_is_loaded_after_all(demo_gguf: Path) -> None:
    """By another process; the one that loads what nobody wants any more ends."""
    waiting_engine.begin()
    [process] = own_engines()
    waiting_engine.load(load(demo_gguf, context=512))
    supervisor = own_engine(Launch(demo_gguf, "demo:Q8_0", LoadOptions(context=256, threads=1)))
    try:
        assert (await (await supervisor.start()).state()).context == 256
        assert supervisor.pid != process.pid
        assert not process.is_running()
    finally:
        await supervisor.stop()


async def test_it_is_gone_before_it_is_needed(demo_gguf: Path) -> None:
    """Whoever loads the model learns of it like of any death while loading."""
    launch = Launch(demo_gguf, "demo:Q8_0", LoadOptions(context=256, threads=1))
    waiting_engine.begin()
    [process] = own_engines()
    process.kill()
    supervisor = own_engine(launch)
    with pytest.raises(Exception, match=r"signal 9"):
        await supervisor.start()
    try:
        assert (await (await supervisor.start()).state()).context == 256
    finally:
        await supervisor.stop()


async def test_a_model_on_demand_is_planned_and_loaded_by_it(demo_gguf: Path) -> None:
    """The process that lists the devices for the plan becomes the engine."""
    Store(packs_directory()).add(demo_gguf, name="first")
    models = InstalledModels(HowToLoad(LaunchOptions(context=256), 1), ServingSettings())
    room: Room[None] = models.room("first:Q8_0", [], [])
    [process] = own_engines()
    supervisor = own_engine(room.launch)
    try:
        await supervisor.start()
        assert supervisor.pid == process.pid
    finally:
        await supervisor.stop()


async def test_a_model_that_cannot_be_loaded_leaves_no_process(demo_gguf: Path) -> None:
    """What was started for it ends when that is known."""
    Store(packs_directory()).add(demo_gguf, name="first")
    models = InstalledModels(HowToLoad(LaunchOptions(context=1 << 30), 1), ServingSettings())
    pool = Pool(models, own_engine, keep_revived)
    try:
        held = await pool.named("first:Q8_0")
        held.wake()
        assert "context" in str(await held.failed())
        assert own_engines() == []
    finally:
        await pool.close()


def own_engines() -> list[psutil.Process]:
    """The engines that this process has started, of which other tests leave none."""
    return children_with("localqwq.server.engine")
