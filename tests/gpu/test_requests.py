"""The engine on a device: what people do with it, beside what the processor makes of the same."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.states.store import StateStore
from localqwq.gguf.sampling import Sampling
from localqwq.hardware.machine import Device
from localqwq.planning.memory import GIB
from localqwq.reasoning.events import Answer, ContextChanged, Event, Finish, Thought
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.gpu.apart import apart

pytestmark = pytest.mark.gpu

ALL = 5
"""Layers of the demo, the output counted as one."""
QUESTIONS = ("What is 17 + 25?", "What is 9 + 86?", "What is 40 + 2?")
LONG = "12 + 30 = 42. " * 40
YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}


def on(device: Device, layers: int = ALL, **named: Any) -> LoadOptions:
    """So many layers on the device."""
    values: dict[str, Any] = {"context": 1024, "threads": 1} | named
    return LoadOptions(gpu_layers=layers, devices=(device.name,), **values)


def ask(question: str) -> GenerationRequest:
    """Answered in the same words each time."""
    return GenerationRequest(
        messages=({"role": "user", "content": question},),
        sampling=Sampling(temperature=0),
        max_tokens=60,
    )


def go_on(text: str | Sequence[int], tokens: int = 8) -> GenerationRequest:
    """Goes on from a text, and never ends by itself."""
    return GenerationRequest(
        prompt=text,
        sampling=Sampling(temperature=0),
        max_tokens=tokens,
        ignore_eos=True,
        loop_detection=False,
    )


def go_on_to_the_end(text: str) -> GenerationRequest:
    """Goes on as long as the model has something to say. What it is made to say after that is a
    guess, which the rounding of other batches changes."""
    return replace(go_on(text, 40), ignore_eos=False)


def said(events: Sequence[Event]) -> str:
    """The text."""
    return "".join(event.text for event in events if isinstance(event, Thought | Answer))


def reason(events: Sequence[Event]) -> str:
    """Why it ended."""
    assert isinstance(events[-1], Finish)
    return events[-1].reason


def cached(events: Sequence[Event]) -> int:
    """Tokens of the prompt that did not have to be read."""
    assert isinstance(events[-1], Finish)
    return events[-1].usage.cached_tokens


@pytest.fixture(scope="module")
def on_processor(demo_gguf: Path) -> dict[str, str]:
    """What the processor says, by the question."""
    options = LoadOptions(1024, devices=(), threads=1)
    with Engine.load(demo_gguf, options) as engine:
        return {one: said(list(engine.generate(ask(one)))) for one in QUESTIONS}


@pytest.mark.parametrize("layers", [1, 3, ALL])
@apart
def test_answers_are_the_processors(
    demo_gguf: Path, device: Device, on_processor: dict[str, str], layers: int
) -> None:
    """However many of the layers the device has."""
    question = QUESTIONS[0]
    with Engine.load(demo_gguf, on(device, layers)) as engine:
        assert said(list(engine.generate(ask(question)))) == on_processor[question]


@pytest.mark.parametrize("layers", [3, ALL])
@apart
def test_requests_at_once(
    demo_gguf: Path, device: Device, on_processor: dict[str, str], layers: int
) -> None:
    """Each is answered as if it were alone, beside a long prompt that is read meanwhile."""
    with Engine.load(demo_gguf, on(device, layers, parallel=4)) as engine:
        running = {one: engine.submit(engine.prepare(ask(one))) for one in QUESTIONS}
        long = engine.submit(engine.prepare(go_on(LONG)))
        while not (long.done and all(one.done for one in running.values())):
            assert engine.step()
        assert {one: said(running[one].take()) for one in QUESTIONS} == on_processor
        alone = said(list(engine.generate(go_on("77 " + LONG))))
        assert len(said(long.take())) > 0
        assert len(alone) > 0


@apart
def test_what_begins_alike_is_read_once(demo_gguf: Path, device: Device) -> None:
    """A branch shares the beginning, and the answers are those without it."""
    with Engine.load(demo_gguf, on(device)) as engine:
        first = list(engine.generate(go_on(LONG + "5 + 5 =")))
        branch = list(engine.generate(go_on(LONG + "6 + 7 =")))
        assert cached(first) == 0
        assert cached(branch) > 300
    with Engine.load(demo_gguf, on(device)) as fresh:
        alone = list(fresh.generate(go_on(LONG + "6 + 7 =")))
        assert cached(alone) == 0
        assert said(alone) == said(branch)


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
@apart
def test_states_go_from_one_split_to_another(
    demo_gguf: Path, device: Device, tmp_path: Path, kv_type: str
) -> None:
    """Saved with all layers on the device, restored with some of them."""

    def store() -> StateStore:
        return StateStore(key="", ram_bytes=GIB, directory=tmp_path / "states", disk_bytes=GIB)

    with Engine.load(demo_gguf, on(device, kv_type=kv_type), states=store()) as engine:
        events = list(engine.generate(go_on_to_the_end(LONG)))
        before = said(events)
        assert before
        assert reason(events) == "stop"
    for layers in (2, ALL):
        options = on(device, layers, kv_type=kv_type)
        with Engine.load(demo_gguf, options, states=store()) as engine:
            events = list(engine.generate(go_on_to_the_end(LONG)))
            assert cached(events) > 300
            assert said(events) == before


@apart
def test_a_conversation_outgrows_its_context(device: Device, tmp_path: Path) -> None:
    """It goes on in a larger one on the same device, with the answer of one of that size."""
    checkpoint = make_checkpoint(
        tmp_path / "checkpoint", context=256, config={"rope_scaling": YARN}
    )
    convert(checkpoint, tmp_path / "pack", ["Q8_0"], name="yarn")
    path = tmp_path / "pack" / "yarn-Q8_0.gguf"
    tokens = [5 + index % 50 for index in range(300)]
    with Engine.load(path, on(device, 3, context=256, longest=1024)) as engine:
        assert said(list(engine.generate(go_on(tokens[:20]))))
        events = list(engine.generate(go_on(tokens)))
        [change] = [event for event in events if isinstance(event, ContextChanged)]
        assert change.context == engine.context > 300
    with Engine.load(path, on(device, 3, context=change.context)) as large:
        assert said(list(large.generate(go_on(tokens)))) == said(events)


@pytest.mark.parametrize("layers", [3, ALL])
@apart
def test_a_prompt_is_stopped_in_the_middle(demo_gguf: Path, device: Device, layers: int) -> None:
    """No more is read than the batch that was on its way, and the engine goes on as before."""
    with Engine.load(demo_gguf, on(device, layers)) as engine:
        stop = threading.Event()
        generation = engine.submit(engine.prepare(go_on(LONG)), stop)
        prompt = list(generation.tokens)
        engine.step()
        engine.step()
        scheduler = engine._scheduler
        read, room = scheduler.sequences.common(prompt), scheduler.context.room
        assert 0 < read < len(prompt)

        def end() -> None:
            stop.set()
            engine.interrupt(generation)

        timer = threading.Timer(0.01, end)
        timer.start()
        while not generation.done:
            engine.step()
        timer.join()
        assert scheduler.sequences.common(prompt) <= read + room
        assert said(list(engine.generate(go_on("1 + 1 ="))))
