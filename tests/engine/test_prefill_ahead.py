"""While nobody waits, the history is read as the next turn will see it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.llama.context import Context
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.states.store import StateStore
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Event, Finish, Thought
from localqwq.reasoning.messages import Message

GREEDY = Sampling(temperature=0)
TURNS = (
    "How many r's are in strawberry?",
    "What is 12 + 30?",
    "Which is larger, 9.9 or 9.11?",
    "Hello",
)
TEMPLATE_TOKENS = 12
"""More than what the template puts around a message."""


@pytest.fixture
def engine(demo_gguf: Path) -> Iterator[Engine]:
    """Nothing is cached yet."""
    with Engine.load(
        demo_gguf, LoadOptions(context=2048, threads=1, batch=32, parallel=2)
    ) as engine:
        yield engine


def say(engine: Engine, messages: list[Message]) -> tuple[str, str, Finish]:
    """Thought, answer and end of the next turn, which is added to the messages."""
    events: list[Event] = list(engine.generate(GenerationRequest(messages, sampling=GREEDY)))
    thought = "".join(event.text for event in events if isinstance(event, Thought))
    answer = "".join(event.text for event in events if isinstance(event, Answer))
    messages.append({"role": "assistant", "content": answer})
    last = events[-1]
    assert isinstance(last, Finish)
    return thought, answer, last


def rest(engine: Engine) -> None:
    """Let the engine do what it does while nobody waits."""
    while engine.step():
        pass


def test_only_the_new_message_is_read(engine: Engine, demo_gguf: Path) -> None:
    """From the second turn on; and the answers are those of a fresh engine."""
    messages: list[Message] = []
    for turn, text in enumerate(TURNS):
        messages.append({"role": "user", "content": text})
        with Engine.load(demo_gguf, LoadOptions(context=2048, threads=1, batch=32)) as fresh:
            expected = say(fresh, messages.copy())
        found = say(engine, messages)
        assert found[:2] == expected[:2]
        usage = found[2].usage
        new = len(engine.tokenize(text, begin=False, special=False)) + TEMPLATE_TOKENS
        if turn:
            assert usage.prompt_tokens - usage.cached_tokens <= new
        rest(engine)


def test_a_request_comes_first(engine: Engine) -> None:
    """Idle work does not begin while one is announced, and goes on afterwards."""
    messages: list[Message] = [{"role": "user", "content": TURNS[0]}]
    say(engine, messages)
    engine.interrupt()
    for _ in range(3):
        assert engine.step()
    other: list[Message] = [{"role": "user", "content": TURNS[1]}]
    assert say(engine, other)[2].reason == "stop"
    rest(engine)
    messages.append({"role": "user", "content": "Hello"})
    usage = say(engine, messages)[2].usage
    assert usage.prompt_tokens - usage.cached_tokens <= TEMPLATE_TOKENS + 5


def test_idle_work_is_given_up_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption in the middle of a batch ends the batch; nothing of it remains."""
    messages: list[Message] = [{"role": "user", "content": TURNS[0]}]
    say(engine, messages)
    clear = type(engine._scheduler.context.abort).clear
    raised = threading.Event()

    def interrupted(flag: object) -> None:
        clear(flag)  # type: ignore[arg-type]  # it is the flag
        raised.set()

    decode = Context.decode

    def while_decoding(context: Context, parts: object) -> list[int]:
        engine.interrupt()  # as a request does that comes just after the batch has begun
        return decode(context, parts)  # type: ignore[arg-type]  # the parts

    monkeypatch.setattr(type(engine._scheduler.context.abort), "clear", interrupted)
    monkeypatch.setattr(Context, "decode", while_decoding)
    assert engine.step()
    assert raised.is_set()
    monkeypatch.undo()
    other: list[Message] = [{"role": "user", "content": TURNS[1]}]
    assert "42" in say(engine, other)[1]
    rest(engine)
    messages.append({"role": "user", "content": "Hello"})
    usage = say(engine, messages)[2].usage
    assert usage.prompt_tokens - usage.cached_tokens <= TEMPLATE_TOKENS + 5


def test_a_branch_shares_the_beginning(engine: Engine) -> None:
    """An edited turn reuses what comes before it, and the old branch is not lost."""
    messages: list[Message] = [{"role": "user", "content": TURNS[0]}]
    say(engine, messages)
    rest(engine)
    branches: list[list[Message]] = [
        [*messages, {"role": "user", "content": text}] for text in TURNS[1:3]
    ]
    answers = []
    for branch in branches:
        usage = say(engine, branch)[2].usage
        assert usage.prompt_tokens - usage.cached_tokens <= 24
        rest(engine)
        answers.append(branch[-1]["content"])
    for branch in branches:
        branch.append({"role": "user", "content": "Hello"})
        usage = say(engine, branch)[2].usage
        assert usage.prompt_tokens - usage.cached_tokens <= TEMPLATE_TOKENS + 5
        rest(engine)
    assert "42" in answers[0]
    assert "9.9" in answers[1]


def test_a_conversation_outlives_the_engine(demo_gguf: Path, tmp_path: Path) -> None:
    """Its state goes to disk, and reopening it reads only the new message, with equal answers."""
    messages: list[Message] = [{"role": "user", "content": "The sea was grey. " * 40}]
    expected: list[Message] = []
    for reopened in (False, True):
        store = StateStore(
            key="", ram_bytes=1 << 26, directory=tmp_path / "states", disk_bytes=1 << 28
        )
        with Engine.load(
            demo_gguf, LoadOptions(context=2048, threads=1, parallel=2), states=store
        ) as engine:
            if reopened:
                messages.append({"role": "user", "content": TURNS[1]})
                expected = messages.copy()
            usage = say(engine, messages)[2].usage
            assert (usage.cached_tokens > 0) == reopened
            if reopened:
                assert usage.prompt_tokens - usage.cached_tokens <= TEMPLATE_TOKENS + 10
            rest(engine)
    with Engine.load(demo_gguf, LoadOptions(context=2048, threads=1)) as fresh:
        assert say(fresh, expected)[1] == messages[-1]["content"]


def test_a_private_conversation_leaves_nothing_on_disk(demo_gguf: Path, tmp_path: Path) -> None:
    """Neither when it is evicted nor at the end; another one that begins like it does."""
    messages: list[Message] = [{"role": "user", "content": "The sea was grey. " * 40}]
    for private in (True, False):
        store = StateStore(
            key="", ram_bytes=1 << 26, directory=tmp_path / "states", disk_bytes=1 << 28
        )
        options = LoadOptions(context=2048, threads=1, parallel=2)
        with Engine.load(demo_gguf, options, states=store) as engine:
            request = GenerationRequest(messages, sampling=GREEDY, cache_on_disk=not private)
            list(engine.generate(request))
            rest(engine)
        assert (list((tmp_path / "states").glob("*")) == []) == private


def test_evicted_conversations_come_back(demo_gguf: Path) -> None:
    """With room for only one in the cache, two are kept in RAM and neither is read again."""
    store = StateStore(key="", ram_bytes=1 << 28, directory=None, disk_bytes=0)
    with Engine.load(demo_gguf, LoadOptions(context=768, threads=1), states=store) as engine:
        conversations: list[list[Message]] = [
            [{"role": "user", "content": f"{word} was grey. " * 55}] for word in ("Sea", "Sky")
        ]
        for turn in range(2):
            for messages in conversations:
                usage = say(engine, messages)[2].usage
                assert turn == 0 or usage.prompt_tokens - usage.cached_tokens <= 24
                rest(engine)
                messages.append({"role": "user", "content": "Hello"})
