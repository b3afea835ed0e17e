"""Conversations that nobody continues leave the cache, and come back when they are wanted."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.llama.library import binding
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.states.store import StateStore
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Event, Finish

WORDS = (
    "How many r's are in the word strawberry? ",
    "Which is larger, 9.9 or 9.11? ",
    "What is 12 + 30? The answer is 42. ",
    "The sea was grey and the sky was high. ",
)
LONG, SHORT = 400, 24
ROUNDING = 0.25
"""Other batches round otherwise; what belongs to another text is several units away."""


@pytest.fixture
def engine(demo_gguf: Path) -> Iterator[Engine]:
    """Two requests at once in 2,048 tokens on the processor, whose attention visits all cells."""
    states = StateStore(key="", ram_bytes=1 << 30, directory=None, disk_bytes=0)
    options = LoadOptions(context=2048, threads=1, parallel=2)
    with Engine.load(demo_gguf, options, states=states) as loaded:
        yield loaded


def tokens(engine: Engine, kind: int, count: int) -> list[int]:
    """So many tokens of a text of this kind."""
    return engine.tokenize(WORDS[kind] * count, begin=False, special=False)[:count]


def request(
    prompt: Sequence[int], *, cache_on_disk: bool = True, cache_prompt: bool = True
) -> GenerationRequest:
    """Four tokens after a prompt, with their log probabilities."""
    return GenerationRequest(
        prompt=prompt,
        sampling=Sampling(temperature=0),
        max_tokens=4,
        ignore_eos=True,
        loop_detection=False,
        top_logprobs=0,
        cache_on_disk=cache_on_disk,
        cache_prompt=cache_prompt,
    )


def cached(events: Sequence[Event]) -> int:
    """The tokens of a prompt that were in the cache."""
    last = events[-1]
    assert isinstance(last, Finish)
    return last.usage.cached_tokens


def scores(events: Sequence[Event]) -> list[float]:
    """The log probabilities of the generated tokens."""
    answers = [event for event in events if isinstance(event, Answer)]
    return [entry.logprob for answer in answers for entry in answer.logprobs]


def lengths(engine: Engine) -> list[int]:
    """The tokens of each sequence that llama.cpp holds in the cache."""
    context = engine._scheduler.context
    memory = binding().llama_get_memory(context.handle)
    ends = (binding().llama_memory_seq_pos_max(memory, id_) for id_ in range(context.sequences))
    return sorted(end + 1 for end in ends if end >= 0)


def test_a_long_conversation_leaves_for_another(engine: Engine) -> None:
    """Its tokens are not in the cache while others answer, and need no reading when it returns."""
    first, other = tokens(engine, 0, LONG), tokens(engine, 1, LONG)
    list(engine.generate(request(first)))
    assert max(lengths(engine)) >= LONG
    list(engine.generate(request(other[:SHORT])))
    assert max(lengths(engine)) < SHORT + 8
    events = list(engine.generate(request(first)))
    assert cached(events) == LONG - 1


def test_short_ones_stay(engine: Engine) -> None:
    """Moving them costs more than their cells."""
    for kind in range(3):
        list(engine.generate(request(tokens(engine, kind, SHORT))))
    assert len(lengths(engine)) == 3


def test_a_branch_shares_what_it_has_in_common(engine: Engine) -> None:
    """The beginning stays in the cache, the other branch leaves it and comes back whole."""
    stem = tokens(engine, 0, LONG)
    left, right = [*stem, *tokens(engine, 1, LONG)], [*stem, *tokens(engine, 2, SHORT)]
    list(engine.generate(request(left)))
    assert cached(list(engine.generate(request(right)))) >= LONG
    assert max(lengths(engine)) < LONG + SHORT + 8
    assert cached(list(engine.generate(request(left)))) == len(left) - 1


def test_what_must_not_be_stored_stays(engine: Engine) -> None:
    """It would be lost otherwise."""
    private = tokens(engine, 0, LONG)
    list(engine.generate(request(private, cache_on_disk=False)))
    list(engine.generate(request(tokens(engine, 1, SHORT))))
    assert max(lengths(engine)) >= LONG
    assert cached(list(engine.generate(request(private, cache_on_disk=False)))) == LONG - 1


def test_without_room_in_ram_it_stays(demo_gguf: Path) -> None:
    """A state of this model needs some 700 bytes a token and more."""
    states = StateStore(key="", ram_bytes=1000, directory=None, disk_bytes=0)
    options = LoadOptions(context=2048, threads=1)
    with Engine.load(demo_gguf, options, states=states) as engine:
        first = tokens(engine, 0, LONG)
        list(engine.generate(request(first)))
        list(engine.generate(request(tokens(engine, 1, SHORT))))
        assert cached(list(engine.generate(request(first)))) == LONG - 1


def test_flash_attention_on_the_processor_looks_at_them_too(demo_gguf: Path) -> None:
    """After 4,096 tokens of others, it reads prompts a sixth more slowly."""
    states = StateStore(key="", ram_bytes=1 << 30, directory=None, disk_bytes=0)
    options = LoadOptions(context=2048, threads=1, flash=True)
    with Engine.load(demo_gguf, options, states=states) as engine:
        first = tokens(engine, 0, LONG)
        list(engine.generate(request(first)))
        list(engine.generate(request(tokens(engine, 1, SHORT))))
        assert max(lengths(engine)) < SHORT + 8
        assert cached(list(engine.generate(request(first)))) == LONG - 1


def test_more_conversations_than_sequences(demo_gguf: Path) -> None:
    """None is lost, although one sequence is always free for moving parts of others."""
    states = StateStore(key="", ram_bytes=1 << 30, directory=None, disk_bytes=0)
    options = LoadOptions(context=2048, threads=1, parallel=2, kv_type="q8_0")
    with Engine.load(demo_gguf, options, states=states) as engine:
        prompts = [[100 + number, *tokens(engine, number % 4, 80)] for number in range(10)]
        for again in (False, True):
            for pair in zip(prompts[::2], prompts[1::2], strict=True):
                running = [engine.submit(engine.prepare(request(prompt))) for prompt in pair]
                while not all(generation.done for generation in running):
                    assert engine.step()
                had = [cached(generation.take()) for generation in running]
                assert had == ([80, 80] if again else [0, 0])


TURN = st.tuples(st.integers(0, len(WORDS) - 1), st.sampled_from([SHORT, LONG, LONG + SHORT]))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(TURN, min_size=1, max_size=2), min_size=2, max_size=6))
def test_no_order_changes_an_answer(
    engine: Engine, alone: dict[tuple[int, int], list[float]], turns: list[list[tuple[int, int]]]
) -> None:
    """Whoever comes and goes, one or two at once: each gets what it would get alone."""
    for together in turns:
        asked = [request(tokens(engine, *turn)) for turn in together]
        generations = [engine.submit(engine.prepare(one)) for one in asked]
        while not all(generation.done for generation in generations):
            assert engine.step()
        for turn, generation in zip(together, generations, strict=True):
            pairs = zip(scores(generation.take()), alone[turn], strict=True)
            assert fmean(abs(a - b) for a, b in pairs) < ROUNDING


@pytest.fixture(scope="module")
def alone(demo_gguf: Path) -> dict[tuple[int, int], list[float]]:
    """The log probabilities after each prompt, in a cache that nobody else has used."""
    with Engine.load(demo_gguf, LoadOptions(context=2048, threads=1)) as engine:
        return {
            (kind, count): scores(
                list(engine.generate(request(tokens(engine, kind, count), cache_prompt=False)))
            )
            for kind in range(len(WORDS))
            for count in (SHORT, LONG, LONG + SHORT)
        }
