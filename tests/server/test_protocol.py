"""What is no HTTP at all is refused like every other wrong request."""

import json
import socket
from urllib.parse import urlsplit

import httpx2
import pytest

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
