"""The Python API while the running server answers for it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localqwq import Event, Finish, LaunchOptions, LocalModel, LocalqwqError, Message, load
from tests.all_models import Serving
from tests.api_in_server import in_server

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]


@contextmanager
def held(server: Serving) -> Iterator[None]:
    """Its engines do nothing meanwhile."""
    engines = server.engines()
    for engine in engines:
        engine.suspend()
    try:
        yield
    finally:
        for engine in engines:
            engine.resume()


def events(model: LocalModel) -> list[Event]:
    """Of an answer that is the same everywhere."""
    return list(model.chat(HELLO, temperature=0, max_tokens=20, seed=3, stop=["never"]))


def test_who_answers(demo_gguf: Path, home: Path) -> None:
    """The server, with the same events, unless something else is said about loading."""
    with in_server(demo_gguf, home) as (model, server), model:
        with load("second", server=False) as own:
            *here, end_here = events(own)
        assert server.generated({}) == 0
        *there, end_there = events(model)
        assert server.generated({}) == 20
        assert isinstance(end_here, Finish)
        assert isinstance(end_there, Finish)
        assert (end_here.usage, end_here.sampling) == (end_there.usage, end_there.sampling)
        assert text(here) == text(there)
        for options in (LaunchOptions(kv_type="q8_0"), LaunchOptions(threads=1)):
            with load("second", options=options) as own:
                list(own.chat(HELLO, max_tokens=1))
        with load("second", context=512) as own:
            assert own.context == 512
        with load(demo_gguf) as own:
            list(own.chat(HELLO, max_tokens=1))
        assert server.generated({}) == 20
        assert [name for name, state in server.states().items() if state == "ready"] == [
            "second:Q8_0"
        ]


def text(events: list[Event]) -> list[tuple[str, str]]:
    """The texts of the events, without how they are cut."""
    found: list[tuple[str, str]] = []
    for event in events:
        kind, words = type(event).__name__, getattr(event, "text", "")
        if found and found[-1][0] == kind:
            words = found.pop()[1] + words
        found.append((kind, words))
    return [one for one in found if one[0] != "PromptProgress"]


def test_settings_of_the_server_do_not_count(demo_gguf: Path, home: Path) -> None:
    """A model answers as it does in this process, and nothing of it is written to disk."""
    settings = "[sampling]\ntemperature = 1.5\n[thinking]\nbudget = 0\n"
    with in_server(demo_gguf, home, settings=settings) as (model, server), model:
        (*_, end) = model.chat(HELLO, max_tokens=1)
        assert isinstance(end, Finish)
        with load("second", server=False) as own:
            (*_, end_here) = own.chat(HELLO, max_tokens=1)
        assert isinstance(end_here, Finish)
        assert end.thought == end_here.thought == "unfinished"
        assert end.sampling | {"seed": 0} == end_here.sampling | {"seed": 0}
        server.http.post("/models/unload", json={"model": "second"})
        while server.states()["second:Q8_0"] != "asleep":
            pass
        assert list((home / "cache").rglob("*.state")) == []
        assert list(model.chat(HELLO, max_tokens=1))  # it is woken


def test_a_model_is_closed_while_it_is_read(demo_gguf: Path, home: Path) -> None:
    """Whoever waits is told at once; the server and other programs go on."""
    with in_server(demo_gguf, home) as (model, server):
        told: list[BaseException] = []

        def read() -> None:
            try:
                list(model.chat(HELLO))
            except LocalqwqError as error:
                told.append(error)

        unbegun = model.chat(HELLO)
        with held(server):
            reader = threading.Thread(target=read)
            reader.start()
            while not server.requests():
                pass
            model.close()
            reader.join()
        assert model.closed
        for act in (lambda: model.chat(HELLO), lambda: list(unbegun), lambda: model.context):
            with pytest.raises(LocalqwqError) as caught:
                act()
            told.append(caught.value)
        assert {str(one) for one in told} == {"The model second:Q8_0 is closed: load it again."}
        assert len(told) == 4
        with load("second") as again:
            assert list(again.chat(HELLO, max_tokens=1))


def test_the_server_ends(rambler: Path, home: Path) -> None:
    """One sentence, from what runs and what comes; a new load finds another way."""
    with in_server(rambler, home, "--ctx", "16384") as (model, server), model:
        half = model.chat(HELLO)
        next(half)
        with held(server):
            server.kill()
        for act in (lambda: list(half), lambda: model.chat(HELLO)):
            with pytest.raises(LocalqwqError, match="second:Q8_0, has ended: load"):
                act()
        with load("second", context=512) as own:
            assert list(own.chat(HELLO, max_tokens=1))


def test_a_full_queue_is_waited_for(demo_gguf: Path, home: Path) -> None:
    """As an engine in this process has no end of its queue."""
    options = ("--parallel", "1", "--queue", "0")
    with in_server(demo_gguf, home, *options) as (model, _), model:
        ends: list[Event] = []
        readers = [
            threading.Thread(target=lambda: ends.append(list(model.chat(HELLO, max_tokens=2))[-1]))
            for _ in range(3)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert [type(end) for end in ends] == [Finish] * 3


def test_a_forked_process_is_told(demo_gguf: Path, home: Path) -> None:
    """It has no use for the model, and takes nothing from whoever reads it."""
    with in_server(demo_gguf, home) as (model, _), model:
        half = model.chat(HELLO, temperature=0, max_tokens=20)
        next(half)
        if (child := os.fork()) == 0:
            code = 1
            try:
                next(half)
            except LocalqwqError as error:
                code = 0 if "forked" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert isinstance(list(half)[-1], Finish)
