"""Answers in the dialects of many servers: read as they are meant, or failed, but never both."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.client.answer import AnswerAssembler
from localqwq.client.chat_stream import ChatStream
from localqwq.client.errors import EndpointLost, words_of
from localqwq.client.text_thoughts import TextThoughts
from localqwq.reasoning.events import Event, Finish, ToolCall
from tests.told import said


def chunk(delta: Any, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """One with one choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c-1", "choices": [choice], **fields}


def event(data: Any, end: bytes = b"\n\n") -> bytes:
    """A server-sent one."""
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + end


def text(piece: str, **fields: Any) -> bytes:
    """A piece of the answer."""
    return event(chunk({"content": piece}, **fields))


DONE = event(b"[DONE]")
STOP = event(chunk({}, "stop")) + DONE
CALLS = event(chunk({}, "tool_calls")) + DONE
IT = text("42") + STOP


def read(*pieces: bytes, broken: bool = False) -> tuple[list[Event], ChatStream]:
    """The events of an answer, and how its stream stands in the end."""
    stream = ChatStream("http://there", AnswerAssembler(thoughts=TextThoughts(False)), "s3cret")
    events: list[Event] = []
    for piece in pieces:
        events += stream.feed(piece)
    return events + stream.end(broken=broken), stream


def calls(*pieces: dict[str, Any]) -> bytes:
    """Pieces of calls, each in a chunk of its own."""
    return b"".join(event(chunk({"tool_calls": [piece]})) for piece in pieces) + CALLS


def call(id_: str | None, name: str | None, arguments: Any, **fields: Any) -> dict[str, Any]:
    """A piece of a call."""
    function = {"name": name, "arguments": arguments}
    return {"id": id_, "type": "function", "function": function, **fields}


def parts(*kinds: str) -> list[dict[str, Any]]:
    """Content in parts, as Mistral's and Anthropic's reasoning models have it."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    return [thought if kind == "thinking" else {"type": "text", "text": "42"} for kind in kinds]


DETAILS = [{"type": "reasoning.text", "text": "Hm"}]
MEANT = {
    "ordinary": (IT, "", "42"),
    "reasoning": (event(chunk({"reasoning": "Hm"})) + IT, "Hm", "42"),
    "both names": (event(chunk({"reasoning": "Hm", "reasoning_content": "Hm"})) + IT, "Hm", "42"),
    "thinking": (event(chunk({"thinking": "Hm"})) + IT, "Hm", "42"),
    "details": (event(chunk({"content": "", "reasoning_details": DETAILS})) + IT, "Hm", "42"),
    "details, too": (
        event(chunk({"reasoning": "Hm", "reasoning_details": DETAILS})) + IT,
        "Hm",
        "42",
    ),
    "parts": (event(chunk({"content": parts("thinking", "text")})) + STOP, "Hm", "42"),
    "tags": (text("<thi") + text("nk>\nHm") + text("\n</think>\n\n42") + STOP, "Hm", "42"),
    "a lone tag": (text("Hm") + text("\n</think>") + text("\n\n42") + STOP, "Hm", "42"),
    "no [DONE]": (text("42") + event(chunk({}, "stop")), "", "42"),
    "[DONE] with a blank": (text("42") + event(chunk({}, "stop")) + event(b"[DONE] "), "", "42"),
    "no blank behind data": (IT.replace(b"data: ", b"data:"), "", "42"),
    "CRLF": (b": hi\r\n\r\n" + IT.replace(b"\n", b"\r\n"), "", "42"),
    "comments": (b": keep-alive\n\n" + IT.replace(b"\n\n", b"\n\n: ping\n\n"), "", "42"),
    "a ping": (b'event: ping\ndata: {"type": "ping"}\n\n' + IT, "", "42"),
    "empty data": (b"data: \n\n" + IT, "", "42"),
    "single newlines": (IT.replace(b"\n\n", b"\n"), "", "42"),
    "no choices": (event({"id": "c", "choices": None}) + event(chunk(None)) + IT, "", "42"),
    "no newline at the end": (text("42") + event(chunk({}, "stop"), b""), "", "42"),
    "null usage": (text("42", usage=None, timings=None) + STOP, "", "42"),
    "null rates": (text("42", timings={"prompt_per_second": None}) + STOP, "", "42"),
    "token ids": (text("42", tokens=[1, 2]) + STOP, "", "42"),
    "the end with the text": (event(chunk({"content": "42"}, "STOP")) + DONE, "", "42"),
    "a refusal": (event(chunk({"content": None, "refusal": "No."})) + STOP, "", "No."),
    "a message": (
        event({"choices": [{"message": {"content": "42"}, "finish_reason": "stop"}]}) + DONE,
        "",
        "42",
    ),
    "a message at the end": (
        text("42") + event({"choices": [{"message": {"content": "42"}, "finish_reason": "stop"}]}),
        "",
        "42",
    ),
    "a whole completion": (
        json.dumps(
            {"choices": [{"message": {"reasoning": "Hm", "content": "42"}}], "usage": None},
            indent=1,
        ).encode(),
        "Hm",
        "42",
    ),
}


@pytest.mark.parametrize("name", MEANT)
def test_read_as_meant(name: str) -> None:
    """The same thought and answer, cut anywhere or not at all."""
    body, thought, answer = MEANT[name]
    for cut in range(0, len(body), 7):
        events, stream = read(body[:cut], body[cut:])
        assert stream.failure is None
        assert said(events) == (thought, answer)
        assert isinstance(events[-1], Finish)
        assert events[-1].reason == "stop"


CALLED = {
    "ordinary": calls(call("a", "f", '{"x": 1}', index=0), call("b", "g", "{}", index=1)),
    "no index": calls(call("a", "f", '{"x": 1}'), call("b", "g", "{}")),
    "no index and no ids": calls(call(None, "f", '{"x": 1}'), call(None, "g", "{}")),
    "one index": calls(call("a", "f", '{"x": 1}', index=0), call("b", "g", "{}", index=0)),
    "one index, no ids": calls(call("", "f", '{"x": 1}', index=0), call("", "g", "{}", index=0)),
    "null index": calls(call("a", "f", '{"x": 1}', index=None), call("b", "g", "", index=None)),
    "objects": calls(call("a", "f", {"x": 1}, index=0), call("b", "g", {}, index=1)),
    "the name again": calls(
        call("a", "f", "", index=0),
        call("a", "f", '{"x"', index=0),
        call("a", "f", ": 1}", index=0),
        call("b", "g", "{}", index=1),
    ),
    "the name again without ids": calls(
        call(None, "f", '{"x"', index=0),
        call(None, "f", ": 1}", index=0),
        call(None, "g", "{}", index=1),
    ),
    "pieces of a name": calls(
        call("a", "f", None, index=0),
        call(None, None, '{"x": 1}', index=0),
        call("b", "g", None, index=1),
    ),
    "ended by stop": calls(call("a", "f", '{"x": 1}'), call("b", "g", "{}")).replace(
        b'"tool_calls"}]}', b'"stop"}]}'
    ),
}


@pytest.mark.parametrize("name", CALLED)
def test_calls_as_meant(name: str) -> None:
    """Two calls, told whole, whatever their pieces look like."""
    events, stream = read(CALLED[name])
    assert stream.failure is None
    whole = [event for event in events if isinstance(event, ToolCall)]
    assert [(one.name, json.loads(one.arguments)) for one in whole] == [("f", {"x": 1}), ("g", {})]
    assert len({one.id for one in whole}) == 2
    assert isinstance(events[-1], Finish)
    assert events[-1].reason == "tool_calls"


def test_the_older_function_call() -> None:
    """It is a call as any other."""
    pieces = {"name": "f", "arguments": ""}, {"arguments": "{}"}
    body = b"".join(event(chunk({"function_call": piece})) for piece in pieces)
    events, _ = read(body + event(chunk({}, "function_call")))
    (whole,) = [event for event in events if isinstance(event, ToolCall)]
    assert (whole.name, whole.arguments) == ("f", "{}")


FAILED = {
    "an error": (event({"error": {"message": "No memory.", "code": 500}}) + DONE, "No memory."),
    "a text": (event({"error": "No memory."}), "No memory."),
    "an object": (event({"object": "error", "message": "No memory."}) + DONE, "No memory."),
    "details": (event({"detail": [{"loc": ["body", "n"], "msg": "bad"}]}), "body.n: bad"),
    "a list": (event([{"error": {"message": "No memory."}}]), "No memory."),
    "no words": (event({"error": {"code": 1}}), "The server reported an error without a message"),
    "with a choice": (
        event(chunk({"content": ""}, "error", error={"message": "No memory."})) + DONE,
        "No memory.",
    ),
    "a reason": (event(chunk({}, "error")) + DONE, "finish_reason 'error'"),
    "a filter": (event(chunk({}, "content_filter")) + DONE, "finish_reason 'content_filter'"),
    "a line": (b'error: {"message": "No memory."}\n\n', "No memory."),
    "an event": (b'event: error\ndata: {"message": "No memory."}\n\n', "No memory."),
    "an event of text": (b"event: error\ndata: No memory.\n\n", "No memory."),
    "plain text": (b"Internal Server Error\n", "http://there ended the answer with: Internal"),
    "no chunk": (event(b"{]"), "http://there sent a line that is not a chunk of an answer: b'{]'"),
    "the key": (event({"error": "Not s3cret!"}), "Not …!"),
    "no reason": (DONE, "http://there ended the answer without a finish_reason"),
}


@pytest.mark.parametrize("name", FAILED)
def test_failed_answers(name: str) -> None:
    """What came before is told, the server's own words say why, and there is no end."""
    body, words = FAILED[name]
    events, stream = read(text("4") + body)
    assert words in str(stream.failure)
    assert "s3cret" not in str(stream.failure)
    assert said(events) == ("", "4")
    assert not any(isinstance(event, Finish) for event in events)


@pytest.mark.parametrize("broken", [False, True])
def test_an_answer_that_was_cut_off(broken: bool) -> None:
    """Nothing of it is lost, also where it had to be held back."""
    events, stream = read(text("<think>so `") + text("</think>` and"), broken=broken)
    assert isinstance(stream.failure, EndpointLost)
    assert said(events) == ("so `</think>` and", "")


INSTEAD = {
    "an error": (b'{"error": {"message": "model not loaded"}}', "model not loaded"),
    "an error in lines": (b'{\n "error": "No\\nmemory",\n "code": 1\n}', "No memory"),
    "a page": (
        b"<html><title>Sign &amp; in</title></html>",
        "there did not answer but said: Sign & in.",
    ),
    "a page without a title": (b"<html></html>", "did not answer with a chat completion"),
    "other JSON": (b'{"message": {"content": "42"}}', "did not answer with a chat completion"),
    "JSON without a word": (b'{"done": 1}', "did not answer with a chat completion"),
    "text": (b"Not here.", "there did not answer but said: Not here."),
    "nothing": (b"", "broke before the end of the answer"),
}


@pytest.mark.parametrize("name", INSTEAD)
def test_what_comes_in_place_of_an_answer(name: str) -> None:
    """With a status that says that all is well."""
    body, words = INSTEAD[name]
    events, stream = read(body)
    assert words in str(stream.failure)
    assert events == []


OF_CHUNKS = ["choices", "usage", "timings", "tokens", "object", "prompt_progress", "context"]
OF_CHOICES = ["delta", "message", "finish_reason", "error", "detail", "index", "id", "type"]
OF_DELTAS = ["content", "reasoning", "reasoning_details", "tool_calls", "text", "refusal"]
FIELDS = st.sampled_from(
    [*OF_CHUNKS, *OF_CHOICES, *OF_DELTAS, "function", "name", "arguments", "function_call"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
BODY = st.lists(
    st.one_of(
        JSON.map(event),
        st.sampled_from([text("a"), STOP, DONE, b"\n", b": c\n\n", b"event: error\n", b"x\n"]),
        st.binary(max_size=6),
        st.dictionaries(FIELDS, JSON, max_size=3).map(lambda delta: event(chunk(delta))),
    ),
    max_size=8,
).map(b"".join)


def split(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The body in pieces."""
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    return [body[start:end] for start, end in pairwise(places)]


@given(BODY, st.lists(st.integers(0, 300), max_size=5), st.booleans())
def test_whatever_a_server_sends(body: bytes, cuts: list[int], broken: bool) -> None:
    """It becomes events or a failure with a sentence, the same wherever the stream is cut."""
    events, stream = read(*split(body, cuts), broken=broken)
    whole, same = read(body, broken=broken)
    assert said(events) == said(whole)
    assert str(stream.failure) == str(same.failure)
    ended = [event for event in events if isinstance(event, Finish)]
    assert len(ended) == (1 if stream.failure is None else 0)


@given(JSON)
def test_words_of_whatever_a_server_says(body: Any) -> None:
    """One line, or none."""
    words = words_of(json.dumps(body).encode())
    assert words is None or (words and "\n" not in words)
