"""What is no HTTP at all is refused like every other wrong request."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from localqwq.server.http import protocol
from localqwq.server.http.replies import json_response

HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {"temperature": 5, "top_p": 1, "top_k": 0, "seed": 15, "ignore_eos": True}


def exchange(url: str, *pieces: bytes) -> bytes:
    """All that a server says to some bytes, until it closes the connection."""
    address = urlsplit(url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=60) as connection:
        said = b""
        for number, piece in enumerate(pieces):
            if number:
                said += connection.recv(1 << 16)
            connection.sendall(piece)
        while data := connection.recv(1 << 16):
            said += data
    return said


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n{}",
        CHUNKED + b"ZZ\r\n{}\r\n",
        CHUNKED + b'2\r\n{"\r\nmore\r\n',
    ],
)
def test_broken_requests(demo_server: str, sent: bytes) -> None:
    """400 with an error in OpenAI's form, and the end of the connection."""
    head, _, body = exchange(demo_server, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"


def test_garbage_while_an_answer_streams(demo_server: str) -> None:
    """It is no request of its own any more: the connection ends, and the server lives."""
    body = {"messages": [{"role": "user", "content": "Hi"}], "stream": True, "max_tokens": 300}
    data = json.dumps(body | ENDLESS).encode()
    sent = HEAD + b"Content-Length: %d\r\n\r\n" % len(data) + data
    said = exchange(demo_server, sent, b"GARBAGE\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert httpx2.get(f"{demo_server}/health", trust_env=False).status_code == 200


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server that waits half a second; it answers everything with ``{}``."""
    monkeypatch.setattr(protocol, "READ_TIMEOUT", 0.5)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await json_response({})(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=protocol.Protocol, ws="none", lifespan="off", log_config=None, loop="asyncio"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


WHOLE = HEAD + b"Content-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize("before", [b"", WHOLE])
@pytest.mark.parametrize("sent", [HEAD, HEAD + b"Content-Length: 9\r\n\r\n{"])
def test_half_a_request(impatient: str, before: bytes, sent: bytes) -> None:
    """408 and the end of the connection, also of one that has served before."""
    pieces = (before, sent) if before else (sent,)
    said = exchange(impatient, *pieces)
    assert said.count(b" 200 OK") == bool(before)
    head, _, body = said[said.index(b"HTTP/1.1 408 ") :].partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert "within 0.5 seconds" in json.loads(body)["error"]["message"]


def test_a_connection_that_says_nothing(impatient: str) -> None:
    """Ends without a word."""
    assert exchange(impatient) == b""


def test_a_slow_body_is_read(impatient: str) -> None:
    """What goes on is not half: each piece has the time for itself."""
    address = urlsplit(impatient)
    with socket.create_connection((str(address.hostname), address.port or 80), 60) as connection:
        connection.sendall(HEAD + b"Content-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(0.1)
            connection.sendall(b" ")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_many_halves_do_no_harm(demo_server: str) -> None:
    """Others are answered beside them."""
    address = urlsplit(demo_server)
    place = (str(address.hostname), address.port or 80)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(place, 60)).sendall(HEAD)
        assert httpx2.get(f"{demo_server}/health", trust_env=False).status_code == 200
