"""Converting a turn's events to Anthropic's JSON: a stream's events, or one whole message; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from localqwq.reasoning.events import Event, Finish, PromptProgress, Usage
from localqwq.server.http.accounts import finish_details
from localqwq.server.http.blocks import (
    Block,
    BlockBegun,
    BlockEnded,
    BlockEvent,
    BlockGrown,
    BlockReader,
    arguments_object,
    whole_blocks,
)
from localqwq.server.http.thought_signature import seal, sign

Json = dict[str, Any]


def ping() -> Json:
    """Return an event that only shows that the stream is alive."""
    return {"type": "ping"}


@dataclass(frozen=True, slots=True)
class MessageForm:
    """What a request says of its response."""

    id: str
    model: str
    limit: int | None = None
    """The maximum tokens of the answer; None for what the context holds."""
    hides_thoughts: bool = False
    """Whether thoughts are returned only within their signatures."""


class MessageWriter:
    """The events of one streamed message."""

    def __init__(self, form: MessageForm) -> None:
        self._form = form
        self._blocks = BlockReader()
        self._begun = False

    def write(self, events: Sequence[Event]) -> list[Json]:
        """Return the stream's events for simultaneous events of the turn."""
        written: list[Json] = []
        if not self._begun:
            self._begun = True
            written.append(self._start(events))
        for event in self._blocks.feed(events):
            written += _stream_events(event, self._form)
        if events and isinstance(end := events[-1], Finish):
            delta = _ending(end, self._form)
            written.append({"type": "message_delta", "delta": delta, "usage": _usage(end.usage)})
            written.append({"type": "message_stop"})
        return written

    def _start(self, events: Sequence[Event]) -> Json:
        read = next((one for one in events if isinstance(one, PromptProgress)), None)
        counts = Usage() if read is None else Usage(read.total, read.cached)
        body = _head(self._form) | {
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(counts),
        }
        return {"type": "message_start", "message": body}


def whole_message(form: MessageForm, events: Sequence[Event]) -> Json:
    """Return the whole message of a finished turn."""
    end = events[-1]
    assert isinstance(end, Finish)
    content = [_content(block, form) for block in whole_blocks(events)]
    return _head(form) | {"content": content} | _ending(end, form) | {"usage": _usage(end.usage)}


def _head(form: MessageForm) -> Json:
    return {"id": form.id, "type": "message", "role": "assistant", "model": form.model}


def _stream_events(event: BlockEvent, form: MessageForm) -> Iterator[Json]:
    index = event.block.index
    match event:
        case BlockBegun(block):
            body = _empty_content(block)
            yield {"type": "content_block_start", "index": index, "content_block": body}
        case BlockGrown(block, text):
            if not (block.kind == "thought" and form.hides_thoughts):
                yield _delta(index, _grown(block, text))
        case BlockEnded(block, text):
            if block.kind == "thought":
                signed = seal(text) if form.hides_thoughts else sign(text)
                yield _delta(index, {"type": "signature_delta", "signature": signed})
            yield {"type": "content_block_stop", "index": index}


def _delta(index: int, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _empty_content(block: Block) -> Json:
    match block.kind:
        case "thought":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "text":
            return {"type": "text", "text": ""}
        case "call":
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}


def _grown(block: Block, text: str) -> Json:
    match block.kind:
        case "thought":
            return {"type": "thinking_delta", "thinking": text}
        case "text":
            return {"type": "text_delta", "text": text}
        case "call":
            return {"type": "input_json_delta", "partial_json": text}


def _content(ended: BlockEnded, form: MessageForm) -> Json:
    content = _empty_content(ended.block)
    match ended.block.kind:
        case "thought" if form.hides_thoughts:
            return content | {"signature": seal(ended.text)}
        case "thought":
            return content | {"thinking": ended.text, "signature": sign(ended.text)}
        case "text":
            return content | {"text": ended.text}
        case "call":
            return content | {"input": arguments_object(ended.text)}


def _ending(finish: Finish, form: MessageForm) -> Json:
    return {
        "stop_reason": _stop_reason(finish, form.limit),
        "stop_sequence": finish.stop,
        **finish_details(finish),
    }


def _stop_reason(finish: Finish, limit: int | None) -> str:
    match finish.reason:
        case "tool_calls":
            return "tool_use"
        case "stop":
            return "end_turn" if finish.stop is None else "stop_sequence"
        case "length" if limit is None or finish.usage.completion_tokens < limit:
            return "model_context_window_exceeded"
        case "length" | "loop":
            return "max_tokens"


def _usage(counts: Usage) -> Json:
    """Return token counts; what was in the KV cache is not part of ``input_tokens``."""
    return {
        "input_tokens": counts.prompt_tokens - counts.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": counts.cached_tokens,
        "output_tokens": counts.completion_tokens,
        "output_tokens_details": {"thinking_tokens": counts.reasoning_tokens},
    }
