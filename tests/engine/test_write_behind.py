"""Finished turns go to disk while nobody asks, so that a killed engine costs only the youngest."""

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.engine_thread import EngineThread
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.states.files import StateFiles
from localqwq.engine.states.store import StateStore
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Event, Finish
from localqwq.reasoning.messages import Message
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.stored_states import GENEROUS, files

YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}
OPTIONS = LoadOptions(context=2048, threads=1, parallel=2)
FEW = [5 + place * place % 50 for place in range(500)]
"""Tokens that the smallest vocabularies have."""
STORY = "The sea was grey and the sky was high. "


def store_in(directory: Path, *, quiet_s: float = 0, daily: int = GENEROUS) -> StateStore:
    """States on disk, which are written as soon as nobody asks."""
    return StateStore(
        key="",
        ram_bytes=GENEROUS,
        directory=directory,
        disk_bytes=GENEROUS,
        daily_bytes=daily,
        quiet_s=quiet_s,
    )


def go_on(prompt: Sequence[int], *, cache_on_disk: bool = True) -> GenerationRequest:
    """Four tokens after a prompt."""
    return GenerationRequest(
        prompt=list(prompt),
        sampling=Sampling(temperature=0),
        max_tokens=4,
        ignore_eos=True,
        loop_detection=False,
        cache_on_disk=cache_on_disk,
    )


def cached(events: Sequence[Event]) -> int:
    """Tokens of the prompt that did not have to be read."""
    last = events[-1]
    assert isinstance(last, Finish)
    return last.usage.cached_tokens


def say(engine: Engine, messages: list[Message], text: str) -> tuple[int, int]:
    """Add a turn to the messages; the prompt's tokens, and those of them that were not read."""
    messages.append({"role": "user", "content": text})
    sampling = Sampling(temperature=0)
    events = list(engine.generate(GenerationRequest([*messages], sampling=sampling)))
    answer = "".join(event.text for event in events if isinstance(event, Answer))
    messages.append({"role": "assistant", "content": answer})
    assert isinstance(events[-1], Finish)
    usage = events[-1].usage
    return usage.prompt_tokens, usage.cached_tokens


def rest(engine: Engine) -> None:
    """Let the engine do what it does while nobody asks, as long as there is anything."""
    while engine.step() or engine.pause is not None:
        time.sleep(engine.pause or 0)


def in_cache(engine: Engine) -> int:
    """Tokens of the longest sequence."""
    return max(len(one.tokens) for one in engine._scheduler.sequences._all.values())


def sizes(directory: Path) -> list[int]:
    """Of the files of one conversation, the beginning first."""
    reader = StateFiles(directory, GENEROUS, GENEROUS)
    headers = (reader.header(path.name) for path in files(directory))
    whole = sorted((header for header in headers if header), key=lambda header: header.start)
    return [header.file_bytes for header in whole]


@pytest.fixture(scope="module")
def yarn_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose positions are always scaled."""
    folder = tmp_path_factory.mktemp("yarn")
    checkpoint = make_checkpoint(folder / "yarn", context=256, config={"rope_scaling": YARN})
    convert(checkpoint, folder / "pack", ["F16"], name="yarn")
    return folder / "pack" / "yarn-F16.gguf"


def hold(path: Path, directory: Path, options: LoadOptions, told: Connection) -> None:
    """Answer one turn, write it, and answer another one; then wait to be killed."""
    with Engine.load(path, options, states=store_in(directory)) as engine:
        list(engine.generate(go_on(FEW[:300])))
        rest(engine)
        told.send(in_cache(engine))
        list(engine.generate(go_on(FEW[:400])))
        told.send(in_cache(engine))
        told.poll(None)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_killed_engine_loses_only_what_is_younger(
    request: pytest.FixtureRequest, tmp_path: Path, scaled: bool
) -> None:
    """The next one reads the tokens since the last writing, with either kind of positions."""
    path = request.getfixturevalue("yarn_gguf" if scaled else "demo_gguf")
    options = LoadOptions(context=768, threads=1, rope="on" if scaled else "auto")
    here, there = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=hold, args=(path, tmp_path, options, there), daemon=True)
    process.start()
    there.close()
    written, reached = here.recv(), here.recv()
    process.kill()
    process.join()
    assert 300 <= written < 400 < reached
    with Engine.load(path, options, states=store_in(tmp_path)) as engine:
        events = list(engine.generate(go_on(FEW)))
        # The first turn was 300 tokens of the prompt, and four of its own.
        assert cached(events) == 300
    with Engine.load(path, options) as fresh:
        alone = list(fresh.generate(go_on(FEW)))
    assert [one for one in events if isinstance(one, Answer)] == [
        one for one in alone if isinstance(one, Answer)
    ]


def test_only_new_tokens_are_written(demo_gguf: Path, tmp_path: Path) -> None:
    """Each turn adds a file as large as what it added; the next engine reads only its message."""
    messages: list[Message] = [{"role": "system", "content": STORY * 20}]
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path)) as engine:
        lengths = []
        for text in ("What is 12 + 30?", "Which is larger, 9.9 or 9.11?", "Hello"):
            say(engine, messages, text)
            rest(engine)
            lengths.append(in_cache(engine))
        before = sizes(tmp_path)
        added = [lengths[0], lengths[1] - lengths[0], lengths[2] - lengths[1]]
        per_token = before[0] / added[0]
        assert [size / count for size, count in zip(before, added, strict=True)] == pytest.approx(
            [per_token] * 3, rel=0.2
        )
    assert sizes(tmp_path) == before
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path)) as engine:
        assert say(engine, messages, "Thank you")[1] == lengths[-1]


def test_branches_are_written_without_what_they_share(demo_gguf: Path, tmp_path: Path) -> None:
    """Two conversations with a system prompt in common: each goes on after a restart."""
    system: Message = {"role": "system", "content": STORY * 30}
    branches: list[list[Message]] = [[system], [system]]
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path)) as engine:
        for messages in branches:
            say(engine, messages, "What is 12 + 30?" if messages is branches[0] else "Hello")
            rest(engine)
    first, second = sizes(tmp_path)
    assert second < first / 5
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path)) as engine:
        for messages in branches:
            prompt, had = say(engine, messages, "Thank you")
            assert prompt - had <= 20


def test_nothing_is_written_before_some_quiet(demo_gguf: Path, tmp_path: Path) -> None:
    """The engine says when it wants to be called, and until then it writes nothing."""
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path, quiet_s=3600)) as engine:
        assert engine.pause is None
        for _ in range(2):
            list(engine.generate(go_on(range(100, 300))))
            while engine.step():
                pass
            assert engine.pause is not None
            assert 3500 < engine.pause <= 3600
        assert files(tmp_path) == []
        running = engine.submit(engine.prepare(go_on(range(100, 300))))
        assert engine.pause is None
        while not running.done:
            engine.step()
    assert len(files(tmp_path)) == 1


def test_a_request_comes_between_two_pieces(
    demo_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No piece is written while one is announced; afterwards the rest is."""
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path)) as engine:
        monkeypatch.setattr(engine._scheduler.context, "piece_tokens", 50)
        list(engine.generate(go_on(range(100, 400))))
        engine.step()
        engine.interrupt()
        while engine._scheduler._write_behind.pause:
            time.sleep(0.01)
        assert not engine.step()
        assert len(files(tmp_path)) == 1
        list(engine.generate(go_on(range(400, 420))))
        engine.withdraw()
        rest(engine)
        assert len(files(tmp_path)) == 7


def test_what_must_not_be_stored_is_not_written(demo_gguf: Path, tmp_path: Path) -> None:
    """Neither after a while nor at the end; and without a directory nothing is ever due."""
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path)) as engine:
        list(engine.generate(go_on(range(100, 400), cache_on_disk=False)))
        rest(engine)
    assert files(tmp_path) == []
    store = StateStore(key="", ram_bytes=GENEROUS, directory=None, disk_bytes=GENEROUS)
    with Engine.load(demo_gguf, OPTIONS, states=store) as engine:
        list(engine.generate(go_on(range(100, 400))))
        assert engine.pause is None


def test_what_left_the_cache_is_written_too(demo_gguf: Path, tmp_path: Path) -> None:
    """A conversation that another one sent to RAM would be lost as well."""
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path, quiet_s=0)) as engine:
        list(engine.generate(go_on(range(100, 400))))
        list(engine.generate(go_on(range(400, 600))))
        rest(engine)
        assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("limit", [0, 300_000])
def test_the_day_has_a_limit(demo_gguf: Path, tmp_path: Path, limit: int) -> None:
    """Beyond it nothing is written, and the engine rests until the next request."""
    with Engine.load(demo_gguf, OPTIONS, states=store_in(tmp_path, daily=limit)) as engine:
        for start in (100, 300, 500, 700):
            list(engine.generate(go_on(range(start, start + 140))))
            rest(engine)
    written = sizes(tmp_path)
    assert sum(written) <= limit
    assert bool(written) == bool(limit)


def test_a_disk_that_refuses_is_left_alone(demo_gguf: Path, tmp_path: Path) -> None:
    """One failure ends the writing until the next request; nothing is lost in RAM."""
    (tmp_path / "file").write_text("in the way")
    states = store_in(tmp_path / "file" / "states")
    with Engine.load(demo_gguf, OPTIONS, states=states) as engine:
        for failures in (1, 2):
            assert len(list(engine.generate(go_on(range(100, 400))))) > 1
            rest(engine)
            assert states.failures == failures
        assert cached(list(engine.generate(go_on(range(100, 400))))) == 299


def test_the_engines_thread_writes_by_itself(demo_gguf: Path, tmp_path: Path) -> None:
    """Nobody needs to ask again for that."""
    thread = EngineThread("demo")
    states = store_in(tmp_path)
    thread.load(lambda progress: Engine.load(demo_gguf, OPTIONS, states=states))
    try:
        assert list(thread.events(thread.prepare(go_on(range(100, 400)))))
        while not files(tmp_path):
            time.sleep(0.01)
    finally:
        thread.close("The test is over.")
