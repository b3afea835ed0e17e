"""An endpoint whose answers are numbered words, and which remembers what it sent to whom."""

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "fake-model"


@dataclass
class Sent:
    """One answer, as far as it went out."""

    number: int
    messages: list[dict[str, Any]]
    """What was asked."""
    thought: list[tuple[float, str]] = field(default_factory=list)
    """Pieces with the moments, by the monotonic clock, at which they had gone out."""
    answer: list[tuple[float, str]] = field(default_factory=list)
    is_whole: bool = False
    """Whether all of it went out, and its end."""
    ended: float = float("inf")
    """When it was at its end, or broken off, or nobody read it any more."""

    def text(self, part: str, until: float = float("inf")) -> str:
        """What had gone out of the thought or the answer at a moment."""
        pieces = self.thought if part == "thought" else self.answer
        return "".join(text for when, text in pieces if when <= until)


class Endpoint:
    """An OpenAI-compatible server in threads of its own; a context manager."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self.sent: list[Sent] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            """Hands requests on."""

            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                """The list of models."""
                found = self.path.endswith("/models")
                listed = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
                _reply(self, 200 if found else 404, listed if found else {})

            def do_POST(self) -> None:
                """An answer."""
                size = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(size) or b"{}")
                if self.path.endswith("/chat/completions"):
                    endpoint.answer(self, body)
                else:
                    _reply(self, 404, {})

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "Endpoint":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Streams a thought and an answer, or breaks off somewhere."""
        with self._lock:
            sent = Sent(len(self.sent), body["messages"])
            self.sent.append(sent)
            chance = random.Random(self._chance.random())
        refused, breaks = chance.random() < 0.03, chance.random() < 0.05
        if refused:
            _reply(handler, 500, {"error": {"message": "not now"}})
            return
        pause = 1 / chance.choice((50, 200, 1000))
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        if chance.random() < 0.2:
            time.sleep(chance.uniform(0, 1))
        last = chance.randrange(200) if breaks else -1
        try:
            for place, (part, text) in enumerate(_words(sent.number, chance)):
                if place == last:
                    return
                name = "reasoning_content" if part == "thought" else "content"
                _event(handler, {"delta": {name: text}, "finish_reason": None})
                pieces = sent.thought if part == "thought" else sent.answer
                pieces.append((time.monotonic(), text))
                time.sleep(pause)
            _event(handler, {"delta": {}, "finish_reason": "stop"})
            handler.wfile.write(b"data: [DONE]\n\n")
            handler.wfile.flush()
            sent.is_whole = True
        except OSError:  # it was stopped
            return
        finally:
            sent.ended = time.monotonic()


def _words(number: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    for part, letter in (("thought", "t"), ("answer", "a")):
        for place in range(chance.choice((0, 3, 40, 150)) if part == "thought" else 20):
            yield part, f"{letter}{number}.{place} "


def _event(handler: BaseHTTPRequestHandler, choice: dict[str, Any]) -> None:
    chunk = {"id": "x", "object": "chat.completion.chunk", "model": MODEL}
    data = json.dumps({**chunk, "choices": [{"index": 0, **choice}]})
    handler.wfile.write(f"data: {data}\n\n".encode())
    handler.wfile.flush()


def _reply(handler: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
