"""Budgets, requests on the way and loops, with llama.cpp and the demo model."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.budget import HANDOVER, ThoughtControl
from localqwq.reasoning.events import Answer, Event, Finish, PromptProgress, Thought
from localqwq.reasoning.messages import Message

GREEDY = Sampling(temperature=0)
QUESTION: list[Message] = [{"role": "user", "content": "How many r's are in strawberry?"}]
HELLO: list[Message] = [{"role": "user", "content": "Hello"}]


def parts(events: Sequence[Event]) -> tuple[str, str, Finish]:
    """The whole thought, the whole answer, and the end."""
    last = events[-1]
    assert isinstance(last, Finish)
    return (
        "".join(event.text for event in events if isinstance(event, Thought)),
        "".join(event.text for event in events if isinstance(event, Answer)),
        last,
    )


def run(engine: Engine, **values: object) -> tuple[str, str, Finish]:
    """One greedy generation with these values of the request."""
    request = GenerationRequest(**({"messages": QUESTION, "sampling": GREEDY} | values))  # type: ignore[arg-type]  # any of its values
    return parts(list(engine.generate(request)))


def test_a_thought_of_its_own_length(engine: Engine) -> None:
    """Without a budget the model closes it."""
    _, answer, end = run(engine)
    assert end.thought == "closed"
    assert answer


@pytest.mark.parametrize("budget", [1, 6, 12])
def test_a_budget_closes_the_thought(engine: Engine, budget: int) -> None:
    """Bounded, with the hand-over in its stream, and then comes what is no thought."""
    free, _, _ = run(engine)
    thought, _, end = run(engine, reasoning_budget=budget, max_tokens=150)
    assert end.thought == "budget"
    assert thought.endswith(HANDOVER)
    assert free.startswith(thought.removesuffix(HANDOVER).rstrip("\n"))
    handover = len(engine._model.tokenize(f"\n\n{HANDOVER}\n", begin=False)) + 1
    assert budget <= end.usage.reasoning_tokens - handover <= budget + 8
    assert end.usage.completion_tokens > end.usage.reasoning_tokens


def test_no_thought_at_all(engine: Engine) -> None:
    """A budget of nothing closes the thought before it begins."""
    thought, answer, end = run(engine, reasoning_budget=0, max_tokens=20)
    assert thought == ""
    assert answer
    assert end.thought == "budget"


def test_a_hand_over_of_ones_own(engine: Engine) -> None:
    """It cannot end the turn, and a closing tag in it is the one that comes anyway."""
    words = "<|im_end|> Genug gedacht.\n</think>.\n\n"
    thought, answer, end = run(engine, reasoning_budget=3, handover=words, max_tokens=120)
    assert thought.endswith("<|im_end|> Genug gedacht.")
    assert not answer.startswith((".", "</think>"))
    assert end.thought == "budget"


def test_a_budget_that_is_not_reached(engine: Engine) -> None:
    """Changes nothing."""
    assert run(engine, reasoning_budget=900)[:2] == run(engine)[:2]


def test_what_was_inserted_is_in_the_cache(engine: Engine) -> None:
    """What follows the hand-over is what follows a prompt of the same tokens."""
    request = GenerationRequest(QUESTION, sampling=GREEDY, reasoning_budget=4, max_tokens=80)
    generation = engine.submit(engine.prepare(request))
    while not generation.done:
        engine.step()
    thought, answer, _ = parts(generation.take())
    text = b"".join(map(engine.piece, generation.tokens)).decode()
    assert thought.endswith(HANDOVER)
    assert thought in text
    close = generation.tokens.index(engine.tokenize("</think>", begin=False, special=True)[0])
    raw = GenerationRequest(prompt=generation.tokens[: close + 1], sampling=GREEDY, max_tokens=40)
    assert parts(list(engine.generate(raw)))[1].strip()[:20] == answer[:20]


def test_answer_now(engine: Engine) -> None:
    """Asked for in the middle of the thought, it comes soon."""
    control = ThoughtControl()
    request = GenerationRequest(QUESTION, sampling=GREEDY, max_tokens=150)
    events: list[Event] = []
    for event in engine.generate(request, control=control):
        events.append(event)
        if isinstance(event, Thought) and len(events) > 5 and not control.over:
            control.answer_now()
    thought, _, end = parts(events)
    assert end.thought == "requested"
    assert thought.endswith(HANDOVER)
    assert control.over
    assert not control.answer_now()


def test_granted_budget_lets_the_thought_go_on(engine: Engine) -> None:
    """Until the model ends it."""
    control = ThoughtControl(3)
    request = GenerationRequest(QUESTION, sampling=GREEDY, reasoning_budget=3)
    events: list[Event] = []
    for event in engine.generate(request, control=control):
        events.append(event)
        if isinstance(event, Thought):
            control.grant(None)
    assert parts(events)[:2] == run(engine)[:2]


def test_the_end_within_the_thought_is_told(engine: Engine) -> None:
    """By the token limit, by a stop, even before the first token."""
    assert run(engine, max_tokens=3)[2].thought == "unfinished"
    stop = threading.Event()
    stop.set()
    events = list(engine.generate(GenerationRequest(QUESTION), stop))
    assert parts(events)[2].thought == "unfinished"


def looping_token(engine: Engine) -> dict[int, float]:
    """A bias that makes the model write one word for ever."""
    (token,) = engine._model.tokenize(" count", begin=False)
    return {token: 100.0}


def test_loops(engine: Engine) -> None:
    """In the thought a loop closes it, in the answer it ends the generation."""
    thought, answer, end = run(engine, logit_bias=looping_token(engine))
    assert end.thought == "loop"
    assert end.reason == "loop"
    assert thought.endswith(HANDOVER)
    assert set(answer.split()) == {"count"}
    assert end.usage.total_tokens < engine.context


def test_loops_that_are_wanted(engine: Engine) -> None:
    """Without detection only the limit ends them."""
    bias = looping_token(engine)
    _, _, end = run(engine, logit_bias=bias, loop_detection=False, max_tokens=400)
    assert (end.reason, end.thought) == ("length", "unfinished")


def test_a_vocabulary_without_tags(demo_gguf: Path, tmp_path: Path) -> None:
    """Thought and answer are told apart by text, and the thought is closed in text."""
    path = tmp_path / "untagged.gguf"
    data = demo_gguf.read_bytes()
    for tag in (b"<think>", b"</think>"):  # the first place of each is the list of tokens
        data = data.replace(tag, tag.replace(b"k", b"q"), 1)
    path.write_bytes(data)
    with Engine.load(path, LoadOptions(context=512, threads=1)) as engine:
        tags = engine._model.tags
        assert (tags.think_open, tags.think_close) == (None, None)
        thought, answer, end = run(engine, reasoning_budget=5, max_tokens=150)
        assert end.thought == "budget"
        assert thought.endswith(HANDOVER)
        assert answer
        events = list(engine.generate(GenerationRequest(QUESTION, max_tokens=5)))
        assert not any(isinstance(event, Answer) and event.text for event in events)
        assert isinstance(events[0], PromptProgress)
