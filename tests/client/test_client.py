"""The client against real servers, good and bad."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from localqwq.client.client import Client
from localqwq.client.errors import EndpointError, EndpointLost
from localqwq.client.options import ChatOptions
from localqwq.endpoint import Endpoint
from localqwq.errors import LocalqwqError
from localqwq.locations import settings_file
from localqwq.reasoning.events import Answer, Event, Finish, PromptProgress, Thought
from localqwq.reasoning.messages import Message
from localqwq.settings.file import SettingsFile
from tests.inhibiting import put_on_path
from tests.other_servers import Asked, OtherServer, Reply, listing, serving

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]
# So hot that only the context ends the answer.
ENDLESS = ChatOptions(temperature=5, top_p=1, top_k=0, seed=15)
CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


@asynccontextmanager
async def answering(*pieces: bytes, status: str = "200 OK") -> AsyncIterator[OtherServer]:
    """A server of ours, as far as its list of models says, that sends these bytes otherwise."""
    kind = "text/event-stream" if status == "200 OK" else "application/json"

    def reply(asked: Asked) -> Reply:
        if asked.line == "GET /v1/models":
            return listing("m", owner="localqwq")
        return status, kind, pieces

    async with serving(reply) as server:
        yield server


async def chat(url: str, options: ChatOptions | None = None, key: str | None = None) -> list[Event]:
    """All events of an answer."""
    async with Client(Endpoint(url, api_key=key)) as client:
        return [event async for event in client.chat(HELLO, options)]


async def test_demo_server(demo_server: str) -> None:
    """Progress, a thought, an answer and the counts."""
    events = await chat(demo_server, ChatOptions(model="demo:Q8_0", temperature=0))
    kinds = [type(event) for event in events]
    assert kinds[0] is PromptProgress
    assert kinds[-1] is Finish
    order = [kind for kind in kinds if kind in (Thought, Answer)]
    assert order == sorted(order, key=[Thought, Answer].index)
    assert set(order) == {Thought, Answer}
    end = events[-1]
    assert isinstance(end, Finish)
    assert end.usage.completion_tokens > end.usage.reasoning_tokens > 0
    assert end.timings.generate_tps > 0
    assert end.sampling["temperature"] == 0
    async with Client(Endpoint(demo_server)) as client:
        assert await client.models() == ["demo:Q8_0"]
        await client.health()


async def test_closing_the_iterator_stops_the_server(demo_server: str) -> None:
    """Half of an answer is enough; the next request is served at once."""
    async with Client(Endpoint(demo_server)) as client:
        for _ in range(3):
            async with aclosing(client.chat(HELLO, ENDLESS)) as events:
                async for event in events:
                    if isinstance(event, Thought):
                        break
        events_of_next = [event async for event in client.chat(HELLO, ChatOptions(max_tokens=2))]
    assert isinstance(events_of_next[-1], Finish)


async def test_what_is_sent() -> None:
    """The key as a bearer token; only the options that were chosen."""
    async with answering(CHUNK, END) as server:
        options = ChatOptions(model="m", top_k=5, stop=["x"], reasoning_budget=7)
        await chat(f"{server.url}/", options, key="secret")
    assert {one.headers["authorization"] for one in server.asked} == {"Bearer secret"}
    (sent,) = server.chats
    assert (sent["model"], sent["top_k"], sent["stream"]) == ("m", 5, True)
    assert (sent["stop"], sent["reasoning_budget"]) == (["x"], 7)
    assert not {"temperature", "reasoning_effort", "loop_detection"} & set(sent)


async def test_requests_to_a_running_thought() -> None:
    """By the completion's id, whatever is in it; a server without them refuses."""
    async with answering(b"{}") as server, Client(Endpoint(server.url)) as client:
        await client.answer_now("a/b")
        await client.grant_budget("c", -1)
    assert server.asked[0].line == "POST /v1/chat/completions/a%2Fb/answer"
    assert server.asked[1].line == "POST /v1/chat/completions/c/budget"
    assert server.asked[1].body == {"reasoning_budget": -1}
    async with (
        answering(b"", status="404 Not Found") as server,
        Client(Endpoint(server.url)) as client,
    ):
        with pytest.raises(EndpointError, match="404"):
            await client.answer_now("a")


async def test_an_end_without_the_end_mark() -> None:
    """Some servers hang up after the reason instead of sending ``[DONE]``."""
    async with answering(CHUNK, END) as server:
        events = await chat(server.url)
    assert events[0] == Answer("a")
    assert isinstance(events[-1], Finish)


async def test_a_stream_that_breaks() -> None:
    """What came is kept by the caller; then ``EndpointLost``."""
    seen: list[Event] = []
    async with answering(CHUNK, CHUNK[:20]) as server, Client(Endpoint(server.url)) as client:
        with pytest.raises(EndpointLost):
            async for event in client.chat(HELLO):
                seen.append(event)  # noqa: PERF401 (a comprehension would lose them)
    assert seen == [Answer("a")]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        ("400 Bad Request", b'{"error": {"message": "Too long."}}', "Too long."),
        ("400 Bad Request", b'{"error": "Too long."}', "Too long."),
        ("422 Unprocessable", b'{"detail": "No such field."}', "No such field."),
        ("502 Bad Gateway", b"<html>", "status 502"),
    ],
)
async def test_refusals(status: str, body: bytes, says: str) -> None:
    """The server's own message where it has one, else its status."""
    async with answering(body, status=status) as server:
        with pytest.raises(EndpointError) as caught:
            await chat(server.url)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "line", [b"data: nonsense\n\n", b"data: []\n\n", b'data: {"choices": 1}\n\n']
)
async def test_lines_that_are_no_chunks(line: bytes) -> None:
    """A sentence, whatever a server sends."""
    async with answering(line) as server:
        with pytest.raises(EndpointError, match="not a chunk"):
            await chat(server.url)


async def test_nobody_listens() -> None:
    """A sentence that names the address."""
    async with answering() as server:
        pass
    with pytest.raises(EndpointError, match=server.url):
        await chat(server.url)
    with pytest.raises(EndpointError, match=r"nowhere\.sock"):
        async with Client(Endpoint("http://localhost", uds="/nowhere.sock")) as client:
            await client.models()


def test_addresses() -> None:
    """With and without ``/v1``; Unix sockets; nothing else."""
    assert (
        Endpoint.parse("http://a:1/v1/") == Endpoint.parse("http://a:1") == Endpoint("http://a:1")
    )
    assert Endpoint.parse("unix:/a/b", "k") == Endpoint("http://localhost", "/a/b", "k")
    for wrong in ("a:1", "ftp://a", "http://", "http://a:x", ""):
        with pytest.raises(LocalqwqError, match="not an endpoint"):
            Endpoint.parse(wrong)


async def test_this_machine_stays_awake_while_another_one_answers(
    demo_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the settings say that it may sleep."""
    log = put_on_path(tmp_path, monkeypatch)
    told: list[bool] = []
    async with Client(Endpoint(demo_server)) as client:
        for keep in (True, False):
            SettingsFile(settings_file()).change("work.keep_awake", keep)
            async with aclosing(client.chat(HELLO, ENDLESS)) as events:
                await anext(events)
                for _ in range(20):
                    await asyncio.sleep(0.05)
                    if log.exists():
                        break
            told.append(log.exists())
            log.unlink(missing_ok=True)
    assert told == [True, False]
