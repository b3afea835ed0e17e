"""Converting a turn's events to the typed events of the Responses API; pure."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localqwq.reasoning.events import Event, Finish, Usage
from localqwq.server.http.accounts import finish_details
from localqwq.server.http.blocks import (
    Block,
    BlockBegun,
    BlockEnded,
    BlockEvent,
    BlockGrown,
    BlockReader,
)
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.responses.schema import whole_name
from localqwq.server.http.responses.translation import custom_input
from localqwq.server.http.thought_signature import seal

Json = dict[str, Any]

_PREFIXES = {"thought": "rs", "text": "msg", "call": "fc"}
"""Beginnings of the ids of items."""


@dataclass(frozen=True, slots=True)
class ResponseForm:
    """What a request says of its response."""

    head: Json
    """The fields of the response that are known at its beginning, its ``id`` among them."""
    custom_tools: frozenset[str] = frozenset()
    """Names of tools that get text instead of arguments."""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    """The namespaces of tools by the names that the model knows."""
    seals_thoughts: bool = False
    """Whether thoughts are returned in ``encrypted_content`` as well."""


class ResponseWriter:
    """The events of one response, numbered in their order; the last one has the whole response."""

    def __init__(self, form: ResponseForm) -> None:
        self._form = form
        self._blocks = BlockReader()
        self._ids: dict[int, str] = {}
        """The ids of items by the index of their block."""
        self._output: list[Json] = []
        """Complete items."""
        self._answers = False
        """Whether there is an answer or a call."""
        self._count = 0

    def write(self, events: Sequence[Event]) -> list[Json]:
        """Return the response's events for simultaneous events of the turn."""
        written = [] if self._count else [self._state("created"), self._state("in_progress")]
        end = events[-1] if events and isinstance(events[-1], Finish) else None
        written += self._told(self._blocks.feed(events[:-1] if end else events), "completed")
        if end is not None:
            cut = end.reason in ("length", "loop")
            written += self._told(self._blocks.feed([end]), "incomplete" if cut else "completed")
            if not self._answers:
                written += self._told(_empty_answer(len(self._output)), "completed")
            written.append(self._end(end, cut=cut))
        return written

    def ping(self) -> Json:
        """Return an event that only shows that the response is still being generated."""
        return self._state("in_progress")

    def failed(self, error: Exception) -> Json:
        """Return the last event of a response that failed."""
        code = error.code if isinstance(error, InvalidRequestError) else None
        failure = {"code": code or "server_error", "message": str(error)}
        return self._state("failed", error=failure, output=self._output)

    def _end(self, finish: Finish, *, cut: bool) -> Json:
        details = {"incomplete_details": {"reason": "max_output_tokens"}} if cut else {}
        return self._state(
            "incomplete" if cut else "completed",
            output=self._output,
            usage=_usage(finish.usage),
            **details,
            **finish_details(finish),
        )

    def _state(self, status: str, **fields: Any) -> Json:
        shown = "in_progress" if status == "created" else status
        body = self._form.head | {"status": shown} | fields
        return self._event(f"response.{status}", response=body)

    def _event(self, kind: str, **fields: Any) -> Json:
        event = {"type": kind, "sequence_number": self._count, **fields}
        self._count += 1
        return event

    def _told(self, events: Iterable[BlockEvent], status: str) -> Iterator[Json]:
        for event in events:
            index = event.block.index
            if index not in self._ids:
                self._ids[index] = f"{_PREFIXES[event.block.kind]}_{uuid.uuid4().hex}"
                self._answers = self._answers or event.block.kind != "thought"
            place = {"item_id": self._ids[index], "output_index": index}
            match event:
                case BlockBegun(block):
                    item = self._item(block, "", "in_progress")
                    yield self._event("response.output_item.added", output_index=index, item=item)
                    if block.kind == "text":
                        part = _text_part("")
                        kind = "response.content_part.added"
                        yield self._event(kind, **place, content_index=0, part=part)
                case BlockGrown(block, text):
                    yield from self._grown(block, text, place)
                case BlockEnded(block, text):
                    yield from self._ended(block, text, place)
                    item = self._item(block, text, status)
                    self._output.append(item)
                    yield self._event("response.output_item.done", output_index=index, item=item)

    def _grown(self, block: Block, text: str, place: Json) -> Iterator[Json]:
        match block.kind:
            case "thought":
                kind = "response.reasoning_text.delta"
                yield self._event(kind, **place, content_index=0, delta=text)
            case "text":
                kind = "response.output_text.delta"
                yield self._event(kind, **place, content_index=0, delta=text, logprobs=[])
            case "call" if not self._is_custom(block):
                yield self._event("response.function_call_arguments.delta", **place, delta=text)

    def _ended(self, block: Block, text: str, place: Json) -> Iterator[Json]:
        match block.kind:
            case "thought":
                kind = "response.reasoning_text.done"
                yield self._event(kind, **place, content_index=0, text=text)
            case "text":
                kind = "response.output_text.done"
                yield self._event(kind, **place, content_index=0, text=text, logprobs=[])
                part = _text_part(text)
                yield self._event("response.content_part.done", **place, content_index=0, part=part)
            case "call" if self._is_custom(block):
                # Its text is known only when the arguments around it are complete.
                given = custom_input(text)
                yield self._event("response.custom_tool_call_input.delta", **place, delta=given)
                yield self._event("response.custom_tool_call_input.done", **place, input=given)
            case "call":
                kind = "response.function_call_arguments.done"
                yield self._event(kind, **place, **self._name(block), arguments=text)

    def _name(self, block: Block) -> Json:
        """Return a called tool's name, and its namespace if it has one."""
        space = self._form.namespaces.get(block.name)
        if space is None:
            return {"name": block.name}
        return {"name": block.name.removeprefix(whole_name(space, "")), "namespace": space}

    def _is_custom(self, block: Block) -> bool:
        return block.name in self._form.custom_tools

    def _item(self, block: Block, text: str, status: str) -> Json:
        head: Json = {"id": self._ids[block.index], "status": status}
        match block.kind:
            case "thought":
                content = [{"type": "reasoning_text", "text": text}] if text else []
                item = head | {"type": "reasoning", "summary": [], "content": content}
                if text and self._form.seals_thoughts:
                    item["encrypted_content"] = seal(text)
                return item
            case "text":
                content = [] if status == "in_progress" else [_text_part(text)]
                return head | {"type": "message", "role": "assistant", "content": content}
            case "call":
                call = head | {"call_id": block.id} | self._name(block)
                if self._is_custom(block):
                    given = custom_input(text) if text else ""
                    return call | {"type": "custom_tool_call", "input": given}
                return call | {"type": "function_call", "arguments": text}


def whole_response(form: ResponseForm, events: Sequence[Event]) -> Json:
    """Return the whole response of a finished turn."""
    body: Json = ResponseWriter(form).write(events)[-1]["response"]
    return body


def _empty_answer(index: int) -> list[BlockEvent]:
    """Return the events of an answer without text: a response ends with a message or a call."""
    block = Block(index, "text")
    return [BlockBegun(block), BlockEnded(block, "")]


def _text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(counts: Usage) -> Json:
    """Return token counts; unlike in Anthropic's API, the cached ones are part of the input."""
    return {
        "input_tokens": counts.prompt_tokens,
        "input_tokens_details": {"cached_tokens": counts.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": counts.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
        "total_tokens": counts.total_tokens,
    }
