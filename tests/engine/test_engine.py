"""The engine answers, stops, reuses what it has read, and stays usable."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from localqwq.engine.engine import ContextExceeded, Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.request import RequestRefused
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.locations import demo_checkpoint
from localqwq.reasoning.events import Answer, Event, Finish, PromptProgress, Thought, ToolCall
from localqwq.reasoning.messages import Message

GREEDY = Sampling(temperature=0)
QUESTION: list[Message] = [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}]
FOLLOWING: list[Message] = [
    *QUESTION,
    {"role": "assistant", "content": "9.9 is larger."},
    {"role": "user", "content": "What is 12 + 30?"},
]
LONG: list[Message] = [{"role": "user", "content": "What is 12 + 30? " * 40}]


def greedy(messages: Sequence[Message], max_tokens: int | None = None) -> GenerationRequest:
    """A request whose answer depends on nothing but the model."""
    return GenerationRequest(messages, sampling=GREEDY, max_tokens=max_tokens)


def texts(events: Sequence[Event]) -> tuple[str, str]:
    """The whole thought and the whole answer."""
    return (
        "".join(event.text for event in events if isinstance(event, Thought)),
        "".join(event.text for event in events if isinstance(event, Answer)),
    )


def tokens(events: Sequence[Event]) -> int:
    """Generated tokens in the events."""
    return sum(event.tokens for event in events if isinstance(event, Thought | Answer))


def finish(events: Sequence[Event]) -> Finish:
    """The last event."""
    last = events[-1]
    assert isinstance(last, Finish)
    return last


def test_thinks_then_answers(engine: Engine) -> None:
    """Prompt progress, thought, answer, end, in this order, and the answer is right."""
    events = list(engine.generate(greedy(QUESTION)))
    kinds = [type(event) for event in events]
    order = [PromptProgress, Thought, Answer, Finish]
    assert kinds == sorted(kinds, key=order.index)
    assert set(kinds) == set(order)
    thought, answer = texts(events)
    assert thought == thought.strip("\n") != ""
    assert answer == answer.strip("\n")
    assert "9.9" in answer
    assert finish(events).reason == "stop"


def test_counts_and_timings_add_up(engine: Engine) -> None:
    """Each generated token is in one event, each prompt token in the progress."""
    events = list(engine.generate(greedy(FOLLOWING)))
    end = finish(events)
    progress = [event for event in events if isinstance(event, PromptProgress)]
    assert progress[0].done == progress[0].cached == end.usage.cached_tokens
    assert progress[-1].done == progress[-1].total == end.usage.prompt_tokens
    assert all(0 < b.done - a.done <= 32 for a, b in pairwise(progress))
    thoughts = [event for event in events if isinstance(event, Thought)]
    assert tokens(thoughts) == end.usage.reasoning_tokens > 0
    assert tokens(events) == end.usage.completion_tokens
    assert end.usage.total_tokens == end.usage.prompt_tokens + end.usage.completion_tokens
    timings = end.timings
    assert min(timings.load_s, timings.first_token_s, timings.prompt_tps, timings.generate_tps) > 0


def test_reused_prefix_changes_nothing(engine: Engine, demo_gguf: Path) -> None:
    """The second turn after a first one equals the second turn alone in a new engine."""
    list(engine.generate(greedy(QUESTION)))
    reused = list(engine.generate(greedy(FOLLOWING)))
    again = list(engine.generate(greedy(FOLLOWING)))
    with Engine.load(demo_gguf, LoadOptions(context=1024, threads=1, batch=32)) as new:
        fresh = list(new.generate(greedy(FOLLOWING)))
    assert finish(fresh).usage.cached_tokens == 0
    assert finish(reused).usage.cached_tokens > 0
    assert finish(again).usage.cached_tokens == finish(again).usage.prompt_tokens - 1
    assert texts(fresh) == texts(reused) == texts(again)


@pytest.mark.parametrize("closing", [False, True], ids=["stop", "close"])
def test_stops_at_any_event(engine: Engine, closing: bool) -> None:
    """Stopped or dropped at any event, the next request is answered as ever."""
    reference = list(engine.generate(greedy(QUESTION)))
    count = len(reference) - 1
    for at in {*range(3), *range(3, count, max(1, count // 6)), count - 1}:
        stop = threading.Event()
        events = engine.generate(greedy(QUESTION), stop)
        seen = [next(events) for _ in range(at + 1)]
        if closing:
            events.close()
        else:
            stop.set()
            rest = list(events)
            assert finish(rest).reason == "stop"
            assert finish(rest).usage.completion_tokens == tokens([*seen, *rest])
            thought, answer = texts([*seen, *rest])
            assert texts(reference)[0].startswith(thought)
            assert texts(reference)[1].startswith(answer)
        assert texts(list(engine.generate(greedy(QUESTION)))) == texts(reference)


def test_stops_while_the_prompt_is_read(engine: Engine) -> None:
    """A long prompt is left between two batches; what was read is reused."""
    stop = threading.Event()
    events = engine.generate(greedy(LONG), stop)
    list(engine.generate(greedy(QUESTION)))
    next(events)
    next(events)
    stop.set()
    (end,) = events
    assert isinstance(end, Finish)
    assert (end.reason, end.usage.completion_tokens) == ("stop", 0)
    start = next(iter(engine.generate(greedy(LONG))))
    assert isinstance(start, PromptProgress)
    assert start.cached >= 32


def test_a_stop_before_the_start(engine: Engine) -> None:
    """Whoever stops a request that still waits gets its end at once."""
    stop = threading.Event()
    stop.set()
    events = list(engine.generate(greedy(QUESTION), stop))
    assert finish(events).reason == "stop"
    assert texts(events) == ("", "")


def test_max_tokens(engine: Engine) -> None:
    """The limit counts every generated token."""
    for limit in (1, 7):
        end = finish(list(engine.generate(greedy(QUESTION, limit))))
        assert (end.reason, end.usage.completion_tokens) == ("length", limit)


def test_variables_take_no_function_from_a_template(engine: Engine) -> None:
    """The template would not work, which is none of its fault."""
    for name in ("namespace", "range", "raise_exception"):
        request = replace(greedy(QUESTION), template_variables={name: 1})
        with pytest.raises(RequestRefused, match=f"^{name} is a function") as refusal:
            engine.prepare(request)
        assert refusal.value.param == "chat_template_kwargs"


def test_a_prompt_beyond_the_context_is_refused(engine: Engine) -> None:
    """Before any event, with both figures; the engine answers on."""
    with pytest.raises(ContextExceeded) as failure:
        engine.generate(greedy([{"role": "user", "content": "What is 12 + 30? " * 400}]))
    assert failure.value.needed > failure.value.available == engine.context == 1024
    assert str(failure.value.needed) in str(failure.value)
    assert finish(list(engine.generate(greedy(QUESTION)))).reason == "stop"


def test_generation_ends_where_the_context_ends(demo_gguf: Path) -> None:
    """A full KV cache is an end by length, and the next request is answered."""
    with Engine.load(demo_gguf, LoadOptions(context=256, threads=1)) as small:
        filler: list[Message] = []
        prompt = 0
        while prompt < 230:
            filler = [*filler, *QUESTION, {"role": "assistant", "content": "9.9"}]
            end = finish(list(small.generate(greedy([*filler, *QUESTION], 1))))
            prompt = end.usage.prompt_tokens
        end = finish(list(small.generate(greedy([*filler, *QUESTION]))))
        assert end.reason == "length"
        assert end.usage.total_tokens == 257  # the last token is sampled, not stored
        assert finish(list(small.generate(greedy(QUESTION)))).reason == "stop"


def test_a_seed_repeats_an_answer(engine: Engine) -> None:
    """With the seed that was drawn, the same text comes again; other seeds give others."""

    def say(seed: int | None) -> tuple[tuple[str, str], int]:
        sampling = Sampling(temperature=3.0, top_k=0, top_p=1.0, seed=seed)
        # What the cache has was computed in other batches, which round otherwise.
        request = GenerationRequest(QUESTION, sampling=sampling, max_tokens=24, cache_prompt=False)
        events = list(engine.generate(request))
        return texts(events), finish(events).sampling["seed"]

    first, seed = say(None)
    assert say(seed) == (first, seed)
    assert len({say(other)[0] for other in range(4)}) == 4


def test_the_models_own_sampling_is_the_default(engine: Engine) -> None:
    """What the GGUF recommends is used, and said."""
    end = finish(list(engine.generate(GenerationRequest(QUESTION, max_tokens=1))))
    own = {**engine.facts.sampling.as_dict(), "seed": end.sampling["seed"]}
    assert end.sampling == own


def test_calls_the_calculator(engine: Engine) -> None:
    """A tool call comes complete, its result is read, and the answer names it."""
    tool = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    messages: list[Message] = [{"role": "user", "content": "What is 12 * 34?"}]
    events = list(engine.generate(GenerationRequest(messages, [tool], GREEDY)))
    (call,) = [event for event in events if isinstance(event, ToolCall)]
    assert finish(events).reason == "tool_calls"
    assert call.name == "calculator"
    assert "12" in json.loads(call.arguments)["expression"]
    messages += [
        {
            "role": "assistant",
            "content": texts(events)[1],
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "408"},
    ]
    events = list(engine.generate(GenerationRequest(messages, [tool], GREEDY)))
    assert "408" in texts(events)[1]
    assert finish(events).reason == "stop"


def test_a_conversation_that_the_template_cannot_render(engine: Engine) -> None:
    """One sentence before any event."""
    with pytest.raises(LocalqwqError, match="chat template"):
        engine.generate(greedy([]))


def test_text_that_is_no_unicode_is_read(engine: Engine) -> None:
    """A lone surrogate out of JSON does no harm."""
    message: Message = {"role": "user", "content": "\ud800?"}
    assert finish(list(engine.generate(greedy([message], 1)))).reason == "length"
