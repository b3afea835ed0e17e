"""Random conversations with thoughts and tool calls, for the APIs that carry them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    PromptProgress,
    Thought,
    Timings,
    ToolCall,
    ToolCallPart,
    Usage,
)
from localqwq.server.http.chunks import Identity, response

Json = dict[str, Any]
TOOLS: list[Json] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"What {name} does.",
            "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
        },
    }
    for name in ("look", "write")
]
USAGE = Usage(prompt_tokens=40, cached_tokens=30, reasoning_tokens=5, completion_tokens=12)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
arguments = st.dictionaries(words, words | st.integers() | st.none(), max_size=3)


@dataclass(frozen=True)
class Turn:
    """What a user says, what the model answers, and what its tools return."""

    said: str
    events: list[Event]
    results: list[tuple[str, str]]
    """Ids of calls with the results."""


def pieces(text: str, cut: int) -> list[str]:
    """The text in two pieces, the first of which may be empty."""
    return [text[: cut % (len(text) + 1)], text[cut % (len(text) + 1) :]]


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """The events of one answer, which may call tools."""
    events: list[Event] = [PromptProgress(40, 40, 30)]
    cut = draw(st.integers(0, 12))
    thought, text = draw(st.none() | words), draw(st.none() | words)
    events += [Thought(piece) for piece in pieces(thought or "", cut)]
    events += [Answer(piece) for piece in pieces(text or "", cut)]
    calls = draw(st.lists(st.tuples(st.sampled_from(["look", "write"]), arguments), max_size=2))
    for name, given in calls:
        id_ = f"call_{draw(st.integers(0, 10**9))}_{len(events)}"
        body = json.dumps(given, ensure_ascii=False)
        if draw(st.booleans()):
            events.append(ToolCallPart(id_, name, ""))
            events += [ToolCallPart(id_, "", piece) for piece in pieces(body, cut)]
        events.append(ToolCall(id_, name, body))
    events.append(Finish("tool_calls" if calls else "stop", USAGE, Timings()))
    return events


@st.composite
def conversations(draw: st.DrawFn) -> list[Turn]:
    """One to three turns."""
    turns = []
    for said, events in draw(st.lists(st.tuples(words, answers()), min_size=1, max_size=3)):
        calls = [event for event in events if isinstance(event, ToolCall)]
        turns.append(Turn(said, events, [(call.id, draw(words)) for call in calls]))
    return turns


def chat_messages(turns: Sequence[Turn], last: str) -> list[Json]:
    """The conversation as a client of chat completions sends it back."""
    messages: list[Json] = []
    for turn in turns:
        whole = response(Identity("chatcmpl-1", 0, "demo"), turn.events)
        messages += [{"role": "user", "content": turn.said}, whole["choices"][0]["message"]]
        messages += [
            {"role": "tool", "tool_call_id": id_, "content": text} for id_, text in turn.results
        ]
    return [*messages, {"role": "user", "content": last}]


def streamed(
    events: Sequence[Event], cuts: Sequence[bool], write: Callable[[list[Event]], list[Json]]
) -> list[Json]:
    """What a writer makes of the events in batches, which end where ``cuts`` says."""
    written: list[Json] = []
    batch: list[Event] = []
    for index, event in enumerate(events):
        batch.append(event)
        if cuts[index % len(cuts)] or index == len(events) - 1:
            written += write(batch)
            batch = []
    return written
