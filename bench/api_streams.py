"""How a plain client asks each API for a stream, and reads it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one line of a stream says."""

    text: str = ""
    """What was generated, thought or answer."""
    tokens: int | None = None
    """All tokens of the answer, said at its end."""


@dataclass(frozen=True, slots=True)
class ApiStream:
    """One API's way of streaming."""

    path: str
    body: Callable[[str, float, int], Json]
    """The request, from the prompt, the temperature and the maximum tokens."""
    piece: Callable[[Json], Piece]
    """What an event says."""

    def read(self, line: bytes) -> Piece:
        """What a line says."""
        data = line.removeprefix(b"data: ")
        return self.piece(json.loads(data)) if data.startswith(b"{") else Piece()


def _chat_body(prompt: str, temperature: float, tokens: int) -> Json:
    return {
        "messages": _said(prompt),
        "temperature": temperature,
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _chat_piece(event: Json) -> Piece:
    deltas: Sequence[Json] = [choice["delta"] for choice in event["choices"]]
    text = "".join(one.get("content", "") + one.get("reasoning_content", "") for one in deltas)
    return Piece(text, event.get("usage", {}).get("completion_tokens"))


def _responses_body(prompt: str, temperature: float, tokens: int) -> Json:
    return {
        "input": prompt,
        "temperature": temperature,
        "max_output_tokens": tokens,
        "stream": True,
        "store": False,
    }


def _responses_piece(event: Json) -> Piece:
    usage = event.get("response", {}).get("usage") or {}
    is_delta = event["type"].endswith("_text.delta")
    return Piece(event["delta"] if is_delta else "", usage.get("output_tokens"))


def _messages_body(prompt: str, temperature: float, tokens: int) -> Json:
    # Anthropic's temperatures end at 1.
    return {
        "messages": _said(prompt),
        "temperature": min(temperature, 1.0),
        "max_tokens": tokens,
        "stream": True,
    }


def _messages_piece(event: Json) -> Piece:
    delta = event.get("delta", {})
    is_end = event["type"] == "message_delta"
    text = delta.get("text", "") + delta.get("thinking", "")
    return Piece(text, event["usage"]["output_tokens"] if is_end else None)


def _ollama_body(prompt: str, temperature: float, tokens: int) -> Json:
    options = {"temperature": temperature, "num_predict": tokens}
    return {"model": "any", "messages": _said(prompt), "options": options}


def _ollama_piece(event: Json) -> Piece:
    message = event["message"]
    return Piece(message["content"] + message.get("thinking", ""), event.get("eval_count"))


def _said(prompt: str) -> list[Json]:
    return [{"role": "user", "content": prompt}]


API_STREAMS: Mapping[str, ApiStream] = {
    "chat": ApiStream("/v1/chat/completions", _chat_body, _chat_piece),
    "responses": ApiStream("/v1/responses", _responses_body, _responses_piece),
    "messages": ApiStream("/v1/messages", _messages_body, _messages_piece),
    "ollama": ApiStream("/api/chat", _ollama_body, _ollama_piece),
}
"""By name."""
