"""The server as an HTTP client meets it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

CHAT = "/v1/chat/completions"
HELLO = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}


@pytest.fixture
def http(demo_server: str) -> Iterator[httpx2.Client]:
    """A plain client of the demo server."""
    with httpx2.Client(base_url=demo_server, timeout=60, trust_env=False) as client:
        yield client


def error(response: httpx2.Response) -> dict[str, Any]:
    """The error in OpenAI's form."""
    body = response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    return dict(body)


def test_models_and_health(http: httpx2.Client) -> None:
    """What is served, and that it is."""
    assert http.get("/v1/models").json()["data"][0]["id"] == "demo:Q8_0"
    assert http.get("/health").json() == {"status": "ok"}


def test_stream_ends_with_done(http: httpx2.Client) -> None:
    """Events of JSON, then the end mark."""
    reply = http.post(CHAT, json=HELLO | {"stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in reply.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: {") for line in lines[:-1])


def test_a_prompt_in_the_cache_is_not_read_again(http: httpx2.Client) -> None:
    """The second of two equal requests finds all but the last token."""
    http.post(CHAT, json=HELLO)
    usage = http.post(CHAT, json=HELLO).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == usage["prompt_tokens"] - 1


def test_the_same_seed_gives_the_same_answer(http: httpx2.Client) -> None:
    """Streamed or not; the seed is told."""
    first, second = (http.post(CHAT, json=HELLO | {"seed": 5}).json() for _ in range(2))
    assert first["choices"] == second["choices"]
    assert first["sampling"]["seed"] == 5


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "no valid JSON"),
        (b"[]", "object"),
        (b"{}", "'messages'"),
        (b'{"messages": [], "stream": true}', "'messages'"),
    ],
)
def test_bad_bodies(http: httpx2.Client, body: bytes, says: str) -> None:
    """400 and a sentence."""
    reply = http.post(CHAT, content=body)
    assert reply.status_code == 400
    assert error(reply)["type"] == "invalid_request_error"
    assert says in error(reply)["message"]


def test_a_prompt_that_does_not_fit(http: httpx2.Client) -> None:
    """Refused under OpenAI's code, streamed or not, instead of being cut."""
    long = {"messages": [{"role": "user", "content": "strawberry " * 3000}]}
    for stream in (True, False):
        reply = http.post(CHAT, json=long | {"stream": stream})
        assert reply.status_code == 400
        assert error(reply)["code"] == "context_length_exceeded"


def test_wrong_paths_and_methods(http: httpx2.Client) -> None:
    """404 and 405 in OpenAI's form."""
    assert (missing := http.get("/v1/nothing")).status_code == 404
    assert "/v1/nothing" in error(missing)["message"]
    assert (wrong := http.get(CHAT)).status_code == 405
    assert wrong.headers["allow"] == "POST"
    assert "GET" in error(wrong)["message"]


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "127.evil.example"}, {"Origin": "http://a.b"}]
)
def test_foreign_web_pages_are_refused(http: httpx2.Client, headers: dict[str, str]) -> None:
    """A name that somebody made resolve to 127.0.0.1 is not ours."""
    assert http.get("/v1/models", headers=headers).status_code == 403
    assert http.get("/v1/models", headers={"Host": "localhost:1"}).status_code == 200


def test_requests_wait_for_each_other(http: httpx2.Client, demo_server: str) -> None:
    """Two at once are both answered."""
    with http.stream("POST", CHAT, json=HELLO | {"stream": True, "max_tokens": 64}) as running:
        with httpx2.Client(base_url=demo_server, timeout=60, trust_env=False) as second:
            assert second.post(CHAT, json=HELLO).json()["usage"]["completion_tokens"] > 0
        assert running.read().endswith(b"data: [DONE]\n\n")
