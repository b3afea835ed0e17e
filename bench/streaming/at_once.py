"""An endpoint that says the same words to everybody, so that a client's own cost can be measured.

    python -m bench.streaming.at_once THOUGHT ANSWER

It streams so many tokens of a thought and of an answer, prints its URL first, and ends with stdin.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.streaming.texts import tokens

PIECES = 20
"""Tokens that come together, as the engine sends what comes within its interval."""


class Endpoint(BaseHTTPRequestHandler):
    """Speaks OpenAI's protocol, as far as the app asks for it."""

    protocol_version = "HTTP/1.1"
    said: tuple[tuple[str, str], ...] = ()
    """Fields and pieces of text."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Says nothing."""

    def do_GET(self) -> None:
        """The list of models."""
        if not self.path.endswith("/models"):
            self.send_error(404)
            return
        self._send("application/json", json.dumps({"data": [{"id": "words"}]}).encode())

    def do_POST(self) -> None:
        """An answer, at once."""
        self.rfile.read(int(self.headers["Content-Length"]))
        deltas: list[dict[str, str]] = [{field: piece} for field, piece in self.said]
        ends = [None] * len(deltas) + ["stop"]
        chunks = [
            {"index": 0, "delta": delta, "finish_reason": end}
            for delta, end in zip([*deltas, {}], ends, strict=True)
        ]
        lines = [json.dumps({"id": "words", "choices": [chunk]}) for chunk in chunks]
        body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])
        self._send("text/event-stream", body.encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serves until nobody holds stdin any more."""
    thought, answer = (int(number) for number in sys.argv[1:])
    said = [("reasoning_content", tokens("thought", thought)), ("content", tokens("list", answer))]
    Endpoint.said = tuple(
        (field, "".join(pieces[at : at + PIECES]))
        for field, pieces in said
        for at in range(0, len(pieces), PIECES)
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
