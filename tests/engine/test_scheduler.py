"""Several requests in one batch: nobody waits for another, and nobody notices."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.generation import Generation
from localqwq.engine.llama.context import Context, Part
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.prompt_pace import Pace
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Event, Finish, PromptLogprobs, Thought
from localqwq.reasoning.messages import Message

GREEDY = Sampling(temperature=0)
QUESTIONS = (
    "What is 12 + 30?",
    "Which is larger, 9.9 or 9.11?",
    "How many r's are in strawberry?",
    "Hello",
    "What is 7 + 8?",
    "Was ist größer, 3.5 oder 3.45?",
)
FILLER = "The sea was grey. " * 90
ROUND: list[Message] = [
    {"role": "user", "content": "What is 12 + 30?"},
    {"role": "assistant", "content": "12 + 30 = 42."},
]
CONVERSATION: list[Message] = [*ROUND * 16, {"role": "user", "content": "What is 7 + 8?"}]


@pytest.fixture(scope="module")
def engine(demo_gguf: Path) -> Iterator[Engine]:
    """Up to four requests at once in 2,048 tokens."""
    with Engine.load(
        demo_gguf, LoadOptions(context=2048, threads=1, batch=128, parallel=4)
    ) as engine:
        yield engine


def request(text: str, **values: object) -> GenerationRequest:
    """A greedy request of one message."""
    messages: list[Message] = [{"role": "user", "content": text}]
    return GenerationRequest(messages, sampling=GREEDY, **values)  # type: ignore[arg-type]  # any of its values


def said(events: Sequence[Event]) -> str:
    """Thought and answer."""
    return "".join(event.text for event in events if isinstance(event, Thought | Answer))


def end(events: Sequence[Event]) -> Finish:
    """The last event."""
    last = events[-1]
    assert isinstance(last, Finish)
    return last


def run(engine: Engine, generations: Sequence[Generation]) -> list[list[Event]]:
    """The events of generations that run together."""
    while not all(generation.done for generation in generations):
        assert engine.step()
    for generation in generations:
        if generation.error is not None:
            raise generation.error
    return [generation.take() for generation in generations]


def test_one_prompt_of_several_requests_is_read_once(engine: Engine) -> None:
    """They come at once; the first reads it, the others share it and answer as it does."""
    asked = request(FILLER + "What is 8 + 5?", max_tokens=5)
    generations = [engine.submit(engine.prepare(asked)) for _ in range(3)]
    first, *others = run(engine, generations)
    assert end(first).usage.cached_tokens < 64
    for events in others:
        assert end(events).usage.cached_tokens == end(events).usage.prompt_tokens - 1
        assert said(events) == said(first)


def test_together_as_alone(engine: Engine) -> None:
    """Six requests, four at a time, answer as each one does alone."""
    alone = [said(list(engine.generate(request(text)))) for text in QUESTIONS]
    generations = [engine.submit(engine.prepare(request(text))) for text in QUESTIONS]
    engine.step()
    assert (engine.running, engine.waiting) == (4, 2)
    assert [said(events) for events in run(engine, generations)] == alone
    assert (engine.running, engine.waiting) == (0, 0)


def test_a_long_prompt_joins_without_stopping_the_others(engine: Engine) -> None:
    """While it is read piece by piece, every step brings the others a token."""
    first = engine.submit(engine.prepare(request(QUESTIONS[0], cache_prompt=False)))
    while first.generated < 3:
        engine.step()
    long = GenerationRequest(CONVERSATION, sampling=GREEDY, cache_prompt=False)
    second = engine.submit(engine.prepare(long))
    before, steps = first.generated, 0
    while second.generated == 0 and not first.done:
        engine.step()
        steps += 1
    assert steps > 2
    assert first.generated >= before + steps
    first_events, second_events = run(engine, [first, second])
    assert said(first_events) == said(list(engine.generate(request(QUESTIONS[0]))))
    assert said(second_events) == said(list(engine.generate(long)))


def test_short_prompts_join_whole(engine: Engine) -> None:
    """Those that are read within a quarter of a second, while a long one goes on in pieces."""
    first = engine.submit(engine.prepare(request(QUESTIONS[0], cache_prompt=False)))
    while first.generated < 3:
        engine.step()
    joining = GenerationRequest(CONVERSATION, sampling=GREEDY, cache_prompt=False)
    long = engine.submit(engine.prepare(joining))
    short = [
        engine.submit(engine.prepare(request(text, cache_prompt=False))) for text in QUESTIONS[1:3]
    ]
    usual = engine._scheduler.pace
    engine._scheduler.pace = pace = Pace(step_s=0.005)
    pace.measure(1, 0, 0.001)
    pace.measure(0, 1, 0.001)  # 4 tokens in a piece, 249 in whole prompts
    before = first.generated
    engine.step()
    assert [generation.generated for generation in (first, *short, long)] == [before + 1, 1, 1, 0]
    engine._scheduler.pace = usual
    run(engine, [first, long, *short])


def test_stopping_one_leaves_the_other(engine: Engine) -> None:
    """Also when its generator is dropped."""
    expected = said(list(engine.generate(request(QUESTIONS[1]))))
    stop = threading.Event()
    stopped = engine.submit(engine.prepare(request(QUESTIONS[0])), stop)
    dropped = engine.generate(request(QUESTIONS[2]))
    kept = engine.submit(engine.prepare(request(QUESTIONS[1])))
    next(dropped)
    for _ in range(5):
        engine.step()
    dropped.close()
    stop.set()
    (events,) = run(engine, [kept])
    assert said(events) == expected
    assert stopped.done
    assert end(stopped.take()).reason == "stop"
    assert engine.running == 0


def test_a_full_cache_makes_the_youngest_wait(demo_gguf: Path) -> None:
    """Requests that have no room together are answered one after the other, none of them cut."""
    with Engine.load(
        demo_gguf, LoadOptions(context=512, threads=1, batch=128, parallel=3)
    ) as small:
        texts = [f"{FILLER[:340]} What is {number} + 30?" for number in (11, 12, 13)]
        alone = [said(list(small.generate(request(text)))) for text in texts]
        generations = [small.submit(small.prepare(request(text))) for text in texts]
        together = run(small, generations)
        assert [said(events) for events in together] == alone
        assert {end(events).reason for events in together} == {"stop"}
        assert all(end(events).usage.prompt_tokens > 512 // 3 for events in together)


def test_a_failing_batch_costs_only_who_fails(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llama.cpp refuses every batch with a certain token in it; the other request is answered."""
    (marked,) = engine.tokenize("Z", begin=False, special=False)
    decode = Context.decode

    def fails(context: Context, parts: Sequence[Part]) -> list[int]:
        if any(marked in part.tokens for part in parts):
            parts = [Part(parts[0].sequence, parts[0].position, [engine.vocabulary], 1)]
        return decode(context, parts)

    expected = said(list(engine.generate(request(QUESTIONS[0]))))
    monkeypatch.setattr(Context, "decode", fails)
    bad = engine.submit(engine.prepare(request("Z", cache_prompt=False)))
    good = engine.submit(engine.prepare(request(QUESTIONS[0], cache_prompt=False)))
    while not (good.done and bad.done):
        engine.step()
    assert said(good.take()) == expected
    assert bad.error is not None
    assert "failed to decode" in str(bad.error)
    monkeypatch.undo()
    assert said(list(engine.generate(request(QUESTIONS[0])))) == expected


def test_a_raw_prompt_goes_on_as_it_is(engine: Engine) -> None:
    """No template and no tags; nothing is trimmed."""
    text = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n<think>\n"
    raw = GenerationRequest(prompt=text, sampling=GREEDY, max_tokens=60)
    events = list(engine.generate(raw))
    assert not any(isinstance(event, Thought) for event in events)
    assert "</think>\n\n" in said(events)
    tokens = engine.tokenize(text, begin=True, special=True)
    again = GenerationRequest(prompt=tokens, sampling=GREEDY, max_tokens=60)
    assert said(list(engine.generate(again))) == said(events)


def test_the_prompts_tokens_are_scored(engine: Engine) -> None:
    """Each one but the first, and as probable as when it is generated."""
    tokens = engine.tokenize("What is 12 + 30?", begin=True, special=True)
    scored = GenerationRequest(
        prompt=tokens, sampling=GREEDY, max_tokens=0, top_logprobs=3, score_prompt=True
    )
    events = list(engine.generate(scored))
    (found,) = [event.logprobs for event in events if isinstance(event, PromptLogprobs)]
    assert len(found) == len(tokens)
    assert found[0] is None
    assert [entry.bytes for entry in found[1:] if entry] == list(map(engine.piece, tokens[1:]))
    assert end(events).usage.completion_tokens == 0
    last = GenerationRequest(
        prompt=tokens[:-1],
        sampling=GREEDY,
        max_tokens=1,
        top_logprobs=0,
        logit_bias={tokens[-1]: 100.0},
    )
    (answer,) = [event for event in engine.generate(last) if isinstance(event, Answer)]
    assert found[-1] is not None
    assert answer.logprobs[0].logprob == pytest.approx(
        found[-1].logprob, abs=0.05
    )  # rounding differs with the batch


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": ""},
        {"prompt": [10**6]},
        {"prompt": [-1]},
        {"prompt": "a", "score_prompt": True},
    ],
)
def test_raw_prompts_that_cannot_be_read(engine: Engine, values: dict[str, object]) -> None:
    """Are refused before llama.cpp sees them."""
    with pytest.raises(LocalqwqError):
        engine.prepare(GenerationRequest(**values))  # type: ignore[arg-type]  # any of its values
