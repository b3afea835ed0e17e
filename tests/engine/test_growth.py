"""Rope scaling by need: a conversation that outgrows the context gets a larger one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.engine.engine import ContextExceeded, Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.rope import grown_context, rope_scaling
from localqwq.gguf.facts import read_facts
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, ContextChanged, Event, Finish, Thought
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint

YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}
GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def yarn_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for 256 tokens, and with YaRN for 1,024."""
    folder = tmp_path_factory.mktemp("yarn")
    checkpoint = make_checkpoint(folder / "yarn", context=256, config={"rope_scaling": YARN})
    convert(checkpoint, folder / "pack", ["F16"], name="yarn")
    (path,) = (folder / "pack").glob("*.gguf")
    return path


def raw(tokens: Sequence[int], limit: int, **values: object) -> GenerationRequest:
    """Goes on from the tokens, and never ends by itself."""
    return GenerationRequest(
        prompt=list(tokens),
        sampling=GREEDY,
        max_tokens=limit,
        ignore_eos=True,
        loop_detection=False,
        **values,  # type: ignore[arg-type]  # any of its values
    )


def said(events: Sequence[Event]) -> str:
    """The text."""
    return "".join(event.text for event in events if isinstance(event, Thought | Answer))


def changes(events: Sequence[Event]) -> list[ContextChanged]:
    """What was said about the context."""
    return [event for event in events if isinstance(event, ContextChanged)]


def test_a_prompt_that_needs_more_gets_it(yarn_gguf: Path) -> None:
    """It is told, with the factor, and answered as by an engine of that size from the start."""
    tokens = [5 + index % 50 for index in range(300)]
    with Engine.load(yarn_gguf, LoadOptions(context=256, longest=1024, threads=1)) as engine:
        assert changes(list(engine.generate(raw(tokens[:20], 5)))) == []
        events = list(engine.generate(raw(tokens, 20)))
        (change,) = changes(events)
        assert (change.context, change.factor) == (engine.context, engine.context / 256)
        assert 300 < engine.context <= 1024
        with Engine.load(yarn_gguf, LoadOptions(context=engine.context, threads=1)) as large:
            assert said(list(large.generate(raw(tokens, 20)))) == said(events)
        again = list(engine.generate(raw([*tokens, 6], 5)))
        assert changes(again) == []
        small = list(engine.generate(raw([90, 91, 92], 5)))
        assert [(change.context, change.factor) for change in changes(small)] == [(256, 1.0)]


def test_an_answer_outgrows_the_context(yarn_gguf: Path) -> None:
    """It goes on in a larger one, without losing a token; others finish before."""
    tokens = list(range(5, 205))
    with Engine.load(
        yarn_gguf, LoadOptions(context=256, longest=1024, threads=1, parallel=2)
    ) as engine:
        long = engine.submit(engine.prepare(raw(tokens, 100)))
        short = engine.submit(engine.prepare(raw([90, 91], 30)))
        while not (long.done and short.done):
            assert engine.step()
        events = long.take()
        last = events[-1]
        assert isinstance(last, Finish)
        assert (last.reason, last.usage.completion_tokens) == ("length", 100)
        assert len(changes(events)) == 1
        assert changes(short.take()) == []
        assert long.tokens[:200] == tokens


def test_without_scaling_the_limit_holds(yarn_gguf: Path) -> None:
    """By the request, or for all of them."""
    tokens = [5 + index % 50 for index in range(300)]
    with Engine.load(yarn_gguf, LoadOptions(context=256, longest=1024, threads=1)) as engine:
        with pytest.raises(ContextExceeded) as failure:
            engine.prepare(raw(tokens, 5, rope="off"))
        assert (failure.value.needed, failure.value.available) == (301, 256)
        end = list(engine.generate(raw(tokens[:200], 100, rope="off")))[-1]
        assert isinstance(end, Finish)
        assert end.usage.completion_tokens == 57
    with (
        Engine.load(
            yarn_gguf, LoadOptions(context=256, longest=1024, threads=1, rope="off")
        ) as engine,
        pytest.raises(ContextExceeded),
    ):
        engine.prepare(raw(tokens, 5))


def test_scaling_can_always_be_on(yarn_gguf: Path) -> None:
    """With the factor of the file, also for short contexts."""
    assert rope_scaling(read_facts(yarn_gguf), 256, "on").factor == 4.0
    with Engine.load(yarn_gguf, LoadOptions(context=256, threads=1, rope="on")) as engine:
        assert engine._scheduler.context.rope.factor == 4.0


@given(st.integers(1, 131_072), st.integers(32_768, 131_072))
def test_grown_contexts_cover_what_is_needed(demo_gguf: Path, needed: int, longest: int) -> None:
    """Unscaled while that is enough, never more than allowed, and growing with the need."""
    facts = replace(
        read_facts(demo_gguf),
        context_length=32_768,
        rope_scaling="yarn",
        rope_factor=4.0,
        rope_original_context=32_768,
    )
    size = grown_context(facts, needed, longest)
    assert min(needed, longest) <= size <= longest
    if needed <= 32_768:
        assert rope_scaling(facts, size).kind == "none"
    assert size <= grown_context(facts, needed + 1, longest)
