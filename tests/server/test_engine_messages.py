"""What server and engine tell each other arrives as it was sent, or not at all."""

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.codec import Malformed, decoder, encode
from localqwq.engine.request import GenerationRequest
from localqwq.gguf.facts import read_facts
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Event,
    Finish,
    PromptLogprobs,
    PromptProgress,
    Reclassified,
    Thought,
    Timings,
    TokenLogprob,
    ToolCall,
    ToolCallPart,
    Usage,
)
from localqwq.reasoning.template_traits import TemplateTraits
from localqwq.server.engine.frames import Frames, Sender, framed
from localqwq.server.engine.messages import (
    Batch,
    Failed,
    Open,
    Served,
    error_of,
    failed,
    from_bytes,
    to_bytes,
    to_down,
    to_up,
)
from localqwq.server.http.errors import BusyError, InvalidRequestError, UnavailableError

texts = st.text() | st.sampled_from(["\ud800", "é\udfff", "\0", '"\\'])  # halves of pairs as well
counts = st.integers(0, 1 << 40)
numbers = st.floats(allow_nan=False)
tokens = st.builds(TokenLogprob, texts, st.binary(max_size=8), numbers)
with_top = st.builds(
    TokenLogprob, texts, st.binary(max_size=8), numbers, st.lists(tokens, max_size=2).map(tuple)
)
logprobs = st.lists(with_top, max_size=2).map(tuple)
values = st.dictionaries(texts, st.none() | st.booleans() | counts | numbers | texts, max_size=3)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(PromptProgress, counts, counts, counts, numbers),
    st.builds(PromptLogprobs, st.lists(st.none() | with_top, max_size=2).map(tuple)),
    st.builds(ContextChanged, counts, numbers),
    st.builds(Thought, texts, counts, logprobs),
    st.builds(Answer, texts, counts, logprobs),
    st.builds(Reclassified, st.sampled_from(["thought", "answer"]), counts),
    st.builds(ToolCallPart, texts, texts, texts, counts),
    st.builds(ToolCall, texts, texts, texts),
    st.builds(
        Finish,
        st.sampled_from(["stop", "length", "tool_calls", "loop"]),
        st.builds(Usage, counts, counts, counts, counts),
        st.builds(Timings, numbers, numbers, numbers, numbers),
        values,
        st.sampled_from(["none", "closed", "budget", "requested", "loop", "unfinished"]),
        st.none() | texts,
    ),
)
requests = st.builds(
    GenerationRequest,
    messages=st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": texts})),
    tools=st.lists(st.fixed_dictionaries({"type": st.just("function"), "function": values})),
    sampling=st.none() | st.just(Sampling(seed=3, temperature=1.5)),
    max_tokens=st.none() | counts,
    stop=st.lists(texts),
    logit_bias=st.dictionaries(counts, numbers | st.just(float("-inf"))),
    top_logprobs=st.none() | st.integers(0, 20),
    thinking=st.none() | st.booleans(),
    template_variables=values,
    prompt=st.none() | texts | st.lists(counts),
    response_format=st.none() | values,
    rope=st.sampled_from(["auto", "off"]),
)


@given(st.lists(events))
def test_events_arrive_as_they_were(sent: list[Event]) -> None:
    """Of every kind, with any text and any bytes."""
    batch = Batch(7, 1, sent)
    assert to_up(from_bytes(to_bytes(batch))) == batch


@given(st.lists(requests, max_size=3))
def test_requests_arrive_as_they_were(sent: list[GenerationRequest]) -> None:
    """With infinite biases, tokens or text as the prompt, and values of templates."""
    message = Open(1, tuple(sent), None)
    assert to_down(from_bytes(to_bytes(message))) == message


def test_every_field_of_a_request_is_sent() -> None:
    """Also those that no strategy above makes."""
    plain = GenerationRequest([], [], stop=[])
    request = replace(plain, effort="low", handover="So.", cache_on_disk=False)
    message = Open(1, (request,), 0.5)
    assert to_down(from_bytes(to_bytes(message))) == message


def test_what_is_served_arrives(demo_gguf: Path) -> None:
    """All facts of a real model."""
    facts = read_facts(demo_gguf)
    served = Served(facts, TemplateTraits(), TemplateTraits(problem="p"), 4, 2048, 321)
    assert to_up(from_bytes(to_bytes(served))) == served


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequestError("no", "messages.0", "context_length_exceeded", 422, (9, 8)),
        BusyError(7),
        UnavailableError("The server is shutting down."),
    ],
)
def test_errors_stay_what_they_are(error: Exception) -> None:
    """Kind, sentence, field, code, status and time to wait."""
    told = to_up(from_bytes(to_bytes(failed(3, error))))
    again = error_of(told)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_mistake_keeps_its_workings_to_itself() -> None:
    """Clients learn its kind alone."""
    told = failed(3, ZeroDivisionError("secret"))
    assert told == Failed(3, "failed", "The engine failed (ZeroDivisionError).")


@dataclass(frozen=True, slots=True)
class Node:
    """A value with all kinds of fields."""

    kind: Literal["a", "b"]
    pair: tuple[str, int]
    weights: dict[int, float]
    next: "Node | None" = None


def test_what_does_not_fit_is_malformed() -> None:
    """Wrong names, lengths, types and values; never another error."""
    decode = decoder(Node)
    good = encode(Node("a", ("x", 1), {3: 0.5}, Node("b", ("y", 2), {})))
    assert decode(good).next.pair == ("y", 2)
    wrongs: list[Any] = [
        None,
        [],
        ["Node"],
        ["Edge", *good[1:]],
        [*good, 1],
        ["Node", "c", *good[2:]],
        ["Node", "a", ["x", "1"], *good[3:]],
        ["Node", "a", ["x"], *good[3:]],
        ["Node", "a", ["x", True], *good[3:]],
        ["Node", "a", ["x", 1], {"three": 0.5}, None],
        ["Node", "a", ["x", 1], {"3": "0.5"}, None],
        ["Node", "a", ["x", 1], {}, ["Edge"]],
    ]
    for wrong in wrongs:
        with pytest.raises(Malformed):
            decode(wrong)
    with pytest.raises(Malformed):
        encode(object())
    for data in (b"", b"{", b"\xff"):
        with pytest.raises(Malformed):
            from_bytes(data)


async def connected(received: Callable[[bytes], None]) -> tuple[Frames, Frames]:
    """Two ends of a socket."""
    loop = asyncio.get_running_loop()
    near, far = Frames(lambda _: None, lambda: None), Frames(received, lambda: None)
    ours, theirs = socket.socketpair()
    await loop.create_connection(lambda: near, sock=ours)
    await loop.create_connection(lambda: far, sock=theirs)
    return near, far


async def test_frames_of_any_size() -> None:
    """Empty ones, many in one piece, and those larger than any buffer of the system."""
    sent = [b"", b"a", b"b" * 3_000_000, b"", *(str(number).encode() for number in range(500))]
    got: list[bytes] = []
    done = asyncio.Event()

    def received(data: bytes) -> None:
        got.append(data)
        if len(got) == len(sent):
            done.set()

    near, far = await connected(received)
    for one in sent:
        near.send(one)
    await asyncio.wait_for(done.wait(), 30)
    assert got == sent
    near.close()
    far.close()
    near.send(b"into the void")


def test_messages_that_are_sent_together_arrive_at_once() -> None:
    """In their order, whatever thread sent them; others do not wait."""
    ours, theirs = socket.socketpair()
    sender = Sender(ours)
    with ours, theirs:
        with sender.together():
            sender.send(b"one")
            other = threading.Thread(target=sender.send, args=[b"two"])
            other.start()
            other.join()
            sender.send(b"three")
            theirs.setblocking(False)
            with pytest.raises(BlockingIOError):
                theirs.recv(1)
        assert theirs.recv(99) == framed(b"one") + framed(b"two") + framed(b"three")
        sender.send(b"four")
        assert theirs.recv(99) == framed(b"four")
        sender.close()
