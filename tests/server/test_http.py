"""The server as an HTTP client meets it."""

import asyncio
import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.server.engine.worker import Worker
from localqwq.server.http.app import create_app
from localqwq.server.http.body import BODY_LIMIT
from localqwq.server.http.keys import Key
from tests.servers import pool_of, remote

CHAT = "/v1/chat/completions"
HELLO = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
# Only the context's end ends it, or the client.
ENDLESS = {"temperature": 5, "top_p": 1, "top_k": 0, "ignore_eos": True, "loop_detection": False}
OURS = "https://app.example"


def error(response: httpx2.Response) -> dict[str, Any]:
    """The error in OpenAI's form."""
    body = response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    return dict(body)


def test_models_and_health(http: httpx2.Client) -> None:
    """What is served, and that it is."""
    assert http.get("/v1/models").json()["data"][0]["id"] == "demo:Q8_0"
    assert http.get("/v1/models/demo:Q8_0").json()["id"] == "demo:Q8_0"
    assert http.get("/health").json() == {"status": "ok"}


def test_a_model_that_is_not_served(http: httpx2.Client) -> None:
    """The sentence says which one is; a name may have a slash in it."""
    reply = http.get("/v1/models/Qwen/QwQ-32B")
    assert reply.status_code == 404
    assert error(reply)["code"] == "model_not_found"
    assert "'Qwen/QwQ-32B'" in error(reply)["message"]
    assert "demo:Q8_0 is served" in error(reply)["message"]


@pytest.mark.parametrize("wanted", ["demo", "DEMO:q8_0", "demo:Q8_0"])
def test_names_of_the_model(http: httpx2.Client, wanted: str) -> None:
    """With or without its quantization."""
    assert http.get(f"/v1/models/{wanted}").json()["id"] == "demo:Q8_0"
    assert http.get(f"/models/{wanted}").json()["id"] == "demo:Q8_0"


def test_routes_without_the_version(http: httpx2.Client) -> None:
    """Answer as those with it; the health is found with it, too."""
    chat = http.post("/chat/completions", json=HELLO | {"temperature": 0}).json()
    assert chat["choices"] == http.post(CHAT, json=HELLO | {"temperature": 0}).json()["choices"]
    assert http.post("/completions", json={"prompt": "9 + 7 ="}).status_code == 200
    assert http.get("/models").json() == http.get("/v1/models").json()
    assert http.get("/v1/health").json() == {"status": "ok"}


def test_progress_reaches_its_total(http: httpx2.Client) -> None:
    """A prompt of several batches is told as whole before the first token."""
    long = {"messages": [{"role": "user", "content": "one two " * 300}], "max_tokens": 2}
    reply = http.post(CHAT, json=long | {"stream": True, "return_progress": True})
    chunks = [json.loads(line[6:]) for line in reply.text.split("\n\n")[:-2]]
    told = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
    done = [one["processed"] for one in told]
    assert done[0] == told[0]["cache"]
    assert len(done) > 2
    assert done == sorted(done)
    assert done[-1] == told[-1]["total"]
    first = next(at for at, chunk in enumerate(chunks) if chunk.get("tokens"))
    assert all("prompt_progress" not in chunk for chunk in chunks[first:])


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
        (b"{", "not valid JSON"),
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


def test_another_name_of_this_computer(http: httpx2.Client, own_http: httpx2.Client) -> None:
    """Is known where it was allowed, with any port; pages of it are foreign all the same."""
    host = {"Host": "box.internal:8080"}
    assert own_http.get("/v1/models", headers=host).status_code == 200
    assert http.get("/v1/models", headers=host).status_code == 403
    page = host | {"Origin": "http://box.internal:8080"}
    assert own_http.get("/v1/models", headers=page).status_code == 403


def test_compressed_bodies(http: httpx2.Client) -> None:
    """gzip is read, in several members as well; anything else is refused with the way out."""
    body = json.dumps(HELLO).encode()
    both = gzip.compress(body[:20]) + gzip.compress(body[20:])
    for data, kind in ((gzip.compress(body), "gzip"), (both, "GZIP"), (body, "identity")):
        assert http.post(CHAT, content=data, headers={"Content-Encoding": kind}).status_code == 200
    for data, kind, status in (
        (gzip.compress(body), "br", 415),
        (gzip.compress(body), "gzip, gzip", 415),
        (body, "gzip", 400),
        (gzip.compress(body)[:-4], "gzip", 400),
        (gzip.compress(b" " * (BODY_LIMIT + 1)), "gzip", 413),
    ):
        reply = http.post(CHAT, content=data, headers={"Content-Encoding": kind})
        assert reply.status_code == status
        assert error(reply)["type"] == "invalid_request_error"


def test_a_body_that_is_too_long(http: httpx2.Client) -> None:
    """413, once it is sent."""
    reply = http.post(CHAT, content=b" " * (BODY_LIMIT + 1))
    assert reply.status_code == 413
    assert error(reply)["type"] == "invalid_request_error"
    assert http.get("/health").status_code == 200


def test_a_body_of_another_kind(http: httpx2.Client) -> None:
    """415 for what a web page could send without asking; nothing said means JSON."""
    body = json.dumps(HELLO).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        reply = http.post(CHAT, content=body, headers={"Content-Type": kind})
        assert reply.status_code == 415
        assert "JSON" in error(reply)["message"]
    for kind in ("application/json; charset=utf-8", "application/problem+json"):
        assert http.post(CHAT, content=body, headers={"Content-Type": kind}).status_code == 200
    assert http.post(CHAT, content=body).status_code == 200


def preflight(client: httpx2.Client, origin: str) -> httpx2.Response:
    """What a browser asks before it lets a page send a key and JSON."""
    asked = {"Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "authorization, content-type"
    return client.options(CHAT, headers={"Origin": origin} | asked)


def test_no_page_may_use_it_unless_allowed(http: httpx2.Client, own_http: httpx2.Client) -> None:
    """No CORS headers by default, and none for other origins than those that were allowed."""
    allow = "access-control-allow-origin"
    for client, origin in ((http, OURS), (own_http, "https://evil.example")):
        assert (asked := preflight(client, origin)).status_code in (400, 403)
        assert allow not in asked.headers
        reply = client.get("/v1/models", headers={"Origin": origin})
        assert reply.status_code == 403
        assert error(reply)["type"] == "invalid_request_error"
        assert allow not in reply.headers
    local = http.get("/v1/models", headers={"Origin": "http://localhost:3000"})
    assert local.status_code == 200
    assert allow not in local.headers


def test_an_allowed_page(own_http: httpx2.Client) -> None:
    """Its browser is told so beforehand, and it can read replies and errors."""
    allow = "access-control-allow-origin"
    asked = preflight(own_http, OURS)
    assert asked.status_code == 200
    assert asked.headers[allow] == OURS
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    for reply in (
        own_http.post(CHAT, json=HELLO, headers={"Origin": OURS}),
        own_http.post(CHAT, json={}, headers={"Origin": OURS}),
    ):
        assert reply.headers[allow] == OURS


def test_several_streams_at_once(own_http: httpx2.Client) -> None:
    """All are answered, more than run together as well, each as if it were alone."""
    body = HELLO | {"stream": True, "max_tokens": 48, "temperature": 0}
    alone = own_http.post(CHAT, json=body)

    async def texts() -> list[str]:
        base = own_http.base_url
        async with httpx2.AsyncClient(base_url=base, timeout=120, trust_env=False) as client:
            replies = await asyncio.gather(*(client.post(CHAT, json=body) for _ in range(5)))
        return [told(reply) for reply in replies]

    assert set(asyncio.run(texts())) == {told(alone)}


def told(reply: httpx2.Response) -> str:
    """The text of a stream's deltas."""
    assert reply.text.endswith("data: [DONE]\n\n")
    lines = [line.removeprefix("data: ") for line in reply.text.split("\n\n")[:-2]]
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines]
    return "".join(delta.get("reasoning_content") or delta.get("content") or "" for delta in deltas)


def test_a_full_queue(own_http: httpx2.Client) -> None:
    """429 with a time to wait; a place is free again when somebody leaves."""
    many = {"prompt": ["9 + 7 ="] * (2 + 3), "max_tokens": -1, "stream": True}
    with own_http.stream("POST", "/v1/completions", json=many | ENDLESS) as full:
        assert full.status_code == 200
        refused = own_http.post(CHAT, json=HELLO)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert error(refused)["code"] == "rate_limit_exceeded"
    until_idle(own_http)
    assert own_http.post(CHAT, json=HELLO).status_code == 200


def metric(client: httpx2.Client, name: str) -> float:
    """A line of the metrics page; 0 where it is not there."""
    lines = [line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines()]
    return float(dict(lines).get(f"localqwq_{name}", 0))


def until_idle(client: httpx2.Client) -> None:
    """Ask until nothing runs or waits."""
    while any(metric(client, f"requests_{kind}") for kind in ("running", "waiting")):
        pass


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_stops_its_generation(
    own_http: httpx2.Client, stream: bool
) -> None:
    """Long before the context is full, whether it has read something or not."""
    until_idle(own_http)
    stopped = metric(own_http, 'finished_total{reason="stop"}')
    body = json.dumps(HELLO | ENDLESS | {"max_tokens": -1, "stream": stream}).encode()
    address = (own_http.base_url.host, own_http.base_url.port)
    with socket.create_connection(address) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        if stream:
            assert b" 200 " in connection.recv(15)
        else:
            while not metric(own_http, "requests_running"):
                pass
    until_idle(own_http)
    assert metric(own_http, 'finished_total{reason="stop"}') == stopped + 1


class Broken(Engine):
    """An engine with a mistake in it."""

    def tokenize(self, text: str, *, begin: bool, special: bool) -> list[int]:
        """Fail."""
        raise ZeroDivisionError("by zero")


@pytest.fixture
def broken(demo_gguf: Path) -> Iterator[Worker]:
    """A worker whose engine fails at a text completion."""
    with Broken.load(demo_gguf, LoadOptions(context=256, threads=1)) as engine:
        worker = Worker(engine)
        yield worker
        worker.stop()
        assert worker.join(30)


async def test_a_mistake_of_our_own(broken: Worker) -> None:
    """500 in OpenAI's form, without its inner workings, and the server lives."""
    async with remote(broken) as engine, AsyncExitStack() as stack:
        launch = Launch(Path("demo.gguf"), "demo", LoadOptions(context=256))
        pool = pool_of(engine, launch)
        app = create_app(pool, engine.counts, keys=[Key("default", "secret")], loopback=True)
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        key = {"Authorization": "Bearer secret"}
        client = httpx2.AsyncClient(transport=transport, base_url="http://localhost")
        await stack.enter_async_context(client)
        for path, body in (("/v1/completions", {"prompt": "a"}), ("/tokenize", {"content": "a"})):
            reply = await client.post(path, json=body, headers=key)
            assert reply.status_code == 500
            assert error(reply)["type"] == "server_error"
            assert "zero" not in error(reply)["message"]
        for name, value in (
            ("Authorization", "bearer secret"),
            ("Authorization", "BEARER  secret"),
            ("X-Api-Key", "secret"),
        ):
            assert (await client.get("/v1/models", headers={name: value})).status_code == 200
        for name, value in (
            ("Authorization", "Basic secret"),
            ("Authorization", "secret"),
            ("X-Api-Key", "secre"),
        ):
            assert (await client.get("/v1/models", headers={name: value})).status_code == 401
        refused = await client.post("/v1/completions", json={"prompt": "a"})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert error(refused)["code"] == "invalid_api_key"
        assert (await client.get("/health")).status_code == 200
