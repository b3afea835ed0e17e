"""Other people's servers, each with its own way of saying the same."""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from localqwq.client.client import Client
from localqwq.client.dialects import OPENAI, dialect_of
from localqwq.client.errors import EndpointError
from localqwq.client.options import ChatOptions
from localqwq.endpoint import Endpoint
from localqwq.reasoning.events import Event, Finish, Reclassified
from localqwq.reasoning.messages import Message
from tests.other_servers import Asked, OtherServer, Reply, listing, refusing, serving, streaming
from tests.told import said

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]
ALL = ChatOptions(
    model="m",
    max_tokens=9,
    temperature=0.6,
    top_k=40,
    reasoning_budget=7,
    reasoning_budget_message="Now.",
    loop_detection=False,
    more={"min_p": 0.0, "repeat_penalty": 1.1, "presence_penalty": 0.5, "dry_base": 1.5},
)
ALWAYS = {"model", "messages", "stream", "stream_options"}
COMMON = {"max_tokens", "temperature", "presence_penalty"}


def speaking(owner: str | None, *deltas: dict[str, Any], end: str = "stop") -> Any:
    """What a server replies that calls itself `owner` and always says the same."""

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m", owner=owner)
        return streaming(*deltas, end=end)

    return reply


async def ask(
    server: OtherServer, options: ChatOptions | None = None, **endpoint: Any
) -> list[Event]:
    """All events of an answer."""
    async with Client(Endpoint(server.url, **endpoint)) as client:
        return [event async for event in client.chat(HELLO, options)]


@pytest.mark.parametrize(
    ("owner", "own"),
    [
        (None, {}),
        ("openai", {}),
        ("library", {}),  # Ollama
        ("vllm", {"top_k": 40, "min_p": 0.0, "repetition_penalty": 1.1}),
        ("sglang", {"top_k": 40, "min_p": 0.0, "repetition_penalty": 1.1}),
        (
            "llamacpp",
            {
                "top_k": 40,
                "min_p": 0.0,
                "repeat_penalty": 1.1,
                "dry_base": 1.5,
                "reasoning_budget_tokens": 7,
                "reasoning_budget_message": "Now.",
                "return_progress": True,
            },
        ),
        (
            "localqwq",
            {
                "top_k": 40,
                "min_p": 0.0,
                "repeat_penalty": 1.1,
                "dry_base": 1.5,
                "reasoning_budget": 7,
                "reasoning_budget_message": "Now.",
                "loop_detection": False,
                "return_progress": True,
            },
        ),
    ],
)
async def test_fields_that_a_server_knows(owner: str | None, own: Mapping[str, Any]) -> None:
    """OpenAI's go to everybody, others under the server's names to those that have them."""
    async with serving(speaking(owner, {"content": "Hi"})) as server:
        await ask(server, ALL)
    (sent,) = server.chats
    assert sent.keys() == ALWAYS | COMMON | own.keys()
    assert {name: sent[name] for name in own} == own
    assert sent["max_tokens"] == 9


@pytest.mark.parametrize("thought", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("owner", [None, "localqwq"])
async def test_thoughts_apart(owner: str | None, thought: str) -> None:
    """Under either name; tags in the answer are text then."""
    deltas = [{"role": "assistant", "content": ""}, {thought: "Hm "}, {thought: "<think>."}]
    answer = [{"content": "I wrote </think"}, {"content": "> there."}]
    async with serving(speaking(owner, *deltas, *answer)) as server:
        events = await ask(server, ChatOptions(model="qwq"))
    assert said(events) == ("Hm <think>.", "I wrote </think> there.")
    end = events[-1]
    assert isinstance(end, Finish)
    assert end.thought == "closed"


async def test_thoughts_as_tags() -> None:
    """The tags are left out, and what is between them is the thought."""
    pieces = ["<th", "ink>\n", "Hm", ".\n</thi", "nk>\n\nHi", "!"]
    async with serving(speaking("library", *({"content": piece} for piece in pieces))) as server:
        events = await ask(server)
    assert said(events) == ("Hm.", "Hi!")
    end = events[-1]
    assert isinstance(end, Finish)
    assert (end.thought, end.usage.reasoning_tokens > 0) == ("closed", True)


@pytest.mark.parametrize(
    ("model", "opens", "thought", "answer"),
    [
        ("qwq:32b", None, "Hm.", "Hi!"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", None, "Hm.", "Hi!"),
        ("other", True, "Hm.", "Hi!"),
        ("other", None, "Hm.", "Hi!"),
        ("qwq:32b", False, "", "Hm.</think>\n\nHi!"),
    ],
)
async def test_no_opening_tag(model: str, opens: bool | None, thought: str, answer: str) -> None:
    """As the settings of the endpoint say, else as the model's name tells."""
    deltas = ({"content": piece} for piece in ("Hm", ".</think>", "\n\nHi!"))
    async with serving(speaking("vllm", *deltas)) as server:
        assert said(await ask(server, ChatOptions(model=model), opens_thought=opens)) == (
            thought,
            answer,
        )


async def test_what_was_seen_counts_for_the_next_answer() -> None:
    """A lone closing tag opens the next answer within the thought, too; no tag at all does not."""
    pieces = [["Hm.", "</think>", "Hi!"], ["Hm.", "</think>", "Hi!"], ["Hi", "!"], ["Hi!"]]
    replies = iter(pieces)

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m", owner="vllm")
        return streaming(*({"content": piece} for piece in next(replies)))

    async with serving(reply) as server, Client(Endpoint(server.url)) as client:
        seen = [
            said([event async for event in client.chat(HELLO, ChatOptions(model="m"))])
            for _ in pieces
        ]
    assert seen[:2] == [("Hm.", "Hi!"), ("Hm.", "Hi!")]
    # Shown as a thought while it came; the end made it an answer, and so is the next.
    assert seen[2:] == [("", "Hi!"), ("", "Hi!")]


async def test_what_was_seen_is_remembered() -> None:
    """By the next client of the endpoint, for that model alone; not what the settings say."""
    async with serving(speaking("vllm", {"content": "Hm.</think>Hi!"})) as server:
        async with Client(Endpoint(server.url)) as client:
            assert await client.opens_thought("m") is None
            first = [event async for event in client.chat(HELLO, ChatOptions(model="m"))]
        async with Client(Endpoint(server.url.replace("//", "//me:s3cret@"))) as client:
            assert await client.opens_thought("m") is True
            assert await client.opens_thought("n") is None
            second = [event async for event in client.chat(HELLO, ChatOptions(model="m"))]
        async with Client(Endpoint(server.url, opens_thought=False)) as client:
            assert await client.opens_thought("m") is False
    assert Reclassified("thought") in first
    assert Reclassified("thought") not in second
    assert said(first) == said(second) == ("Hm.", "Hi!")


async def test_an_answer_that_goes_on() -> None:
    """Its thought is over, so there is no tag to wait for."""
    begun: list[Message] = [*HELLO, {"role": "assistant", "content": "Hi "}]
    options = ChatOptions(model="qwq", continue_final_message=True)
    async with (
        serving(speaking("vllm", {"content": "you!"})) as server,
        Client(Endpoint(server.url)) as client,
    ):
        events = [event async for event in client.chat(begun, options)]
    assert said(events) == ("", "you!")
    assert server.chats[0]["continue_final_message"]


async def test_a_thought_that_is_cut_off() -> None:
    """It stays one: the answer never began."""
    async with serving(speaking("vllm", {"content": "Hm"}, end="length")) as server:
        events = await ask(server, ChatOptions(model="qwq"))
    assert said(events) == ("Hm", "")
    end = events[-1]
    assert isinstance(end, Finish)
    assert (end.reason, end.thought) == ("length", "unfinished")


async def test_thoughts_of_earlier_turns() -> None:
    """They go to servers that read them, and are left out elsewhere."""
    messages: list[Message] = [
        {"role": "user", "content": "1"},
        {"role": "assistant", "content": "2", "reasoning_content": "Hm."},
        {"role": "user", "content": "3"},
    ]
    for owner, kept in (("openai", False), ("vllm", True), ("llamacpp", True)):
        async with (
            serving(speaking(owner, {"content": "4"})) as server,
            Client(Endpoint(server.url)) as client,
        ):
            async for _ in client.chat(messages):
                pass
        assert ("reasoning_content" in server.chats[0]["messages"][1]) == kept
        assert server.chats[0]["messages"][1]["content"] == "2"


async def test_servers_without_a_list_of_models() -> None:
    """They get OpenAI's fields."""

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return refusing("404 Not Found", {})
        return streaming({"content": "Hi"})

    async with serving(reply) as server:
        assert said(await ask(server, ALL)) == ("", "Hi")
    assert server.chats[0].keys() == ALWAYS | COMMON


@pytest.mark.parametrize("body", [None, [], {}, {"data": None}, {"data": [1]}, {"data": []}])
def test_lists_that_say_nothing(body: Any) -> None:
    """OpenAI's dialect, whatever comes."""
    assert dialect_of(body) is OPENAI


async def test_thoughts_that_cannot_be_steered() -> None:
    """Others' servers have no such endpoints, and the sentence says so."""

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m", owner="vllm")
        return refusing("404 Not Found", {"detail": "Not Found"})

    async with serving(reply) as server, Client(Endpoint(server.url)) as client:
        await client.models()
        with pytest.raises(EndpointError, match="cannot end or extend a thought"):
            await client.answer_now("c")
        with pytest.raises(EndpointError, match="cannot end or extend a thought"):
            await client.grant_budget("c", 5)


async def test_passwords_in_addresses() -> None:
    """They are sent, and shown nowhere."""
    async with serving(lambda _: refusing("500 Oh No", {})) as server:
        url = server.url.replace("//", "//somebody:s3cret@")
        async with Client(Endpoint(url)) as client:
            with pytest.raises(EndpointError) as caught:
                await client.models()
    assert server.asked[0].headers["authorization"].startswith("Basic ")
    assert "s3cret" not in str(caught.value)
    assert server.url in str(caught.value)


async def test_addresses_with_another_version() -> None:
    """They are taken as they are; all others get `/v1`."""
    async with serving(speaking(None, {"content": "Hi"})) as server:
        for path in ("/v1beta/openai", "/api/v1/", "/api"):
            async with Client(Endpoint.parse(server.url + path)) as client:
                assert [event async for event in client.chat(HELLO)]
    asked = [one.line.partition(" ")[2] for one in server.asked if one.body]
    assert asked == [
        "/v1beta/openai/chat/completions",
        "/api/v1/chat/completions",
        "/api/v1/chat/completions",
    ]


@pytest.mark.parametrize(
    ("status", "body", "key", "says"),
    [
        ("401 Unauthorized", {}, None, "wants an API key: put the right one into the variable"),
        (
            "401 Unauthorized",
            {"error": {"message": "Wrong key: s3cret."}},
            "s3cret",
            "does not accept the API key (“Wrong key: …”)",
        ),
        ("403 Forbidden", {}, "s3cret", "does not accept the API key"),
        ("307 Temporary Redirect", {}, None, "often the one with https"),
        ("429 Too Many Requests", {"error": "Slow down."}, None, "Slow down."),
        ("400 Bad", {"detail": [{"loc": ["body", "n"], "msg": "no"}]}, None, "body.n: no"),
        ("422 Bad", {"detail": "nope"}, None, "nope"),
        ("500 Oh No", {}, None, "HTTP status 500"),
        ("502 Bad", b"<h1>502 Bad Gateway</h1>", None, "HTTP status 502: Bad Gateway."),
        ("500 Bad", b"Out of memory", None, "HTTP status 500: Out of memory."),
        ("500 Bad", b"s3cret is wrong", "s3cret", "HTTP status 500: … is wrong."),
    ],
)
async def test_refusals_of_a_server(status: str, body: Any, key: str | None, says: str) -> None:
    """One sentence with the way out, and never the key."""
    async with serving(lambda _: refusing(status, body)) as server:
        with pytest.raises(EndpointError) as caught:
            await ask(server, api_key=key)
    assert says in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(Endpoint("http://a", api_key="s3cret"))


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", "application/json"])
async def test_a_stream_by_another_name(kind: str) -> None:
    """What comes counts, not what it is called."""

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m")
        status, _, pieces = streaming({"content": "Hi"})
        return status, kind, pieces

    async with serving(reply) as server:
        assert said(await ask(server)) == ("", "Hi")


async def test_an_answer_that_fails_half_way() -> None:
    """What came is told, then the server's own words are raised."""
    error = {"error": {"message": "No memory."}}

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m")
        status, kind, pieces = streaming({"content": "H"})
        return status, kind, [pieces[0], b"data: " + json.dumps(error).encode() + b"\n\n"]

    events: list[Event] = []
    async with serving(reply) as server, Client(Endpoint(server.url)) as client:
        with pytest.raises(EndpointError, match=r"^No memory\.$"):
            async for event in client.chat(HELLO):
                events = [*events, event]
    assert said(events) == ("", "H")


async def test_a_model_that_is_not_there() -> None:
    """The sentence says which there are; where there is no chat at all, it says that."""

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing(*"abcdefghij")
        return refusing("404 Not Found", {"error": {"message": "no"}})

    async with serving(reply) as server:
        with pytest.raises(
            EndpointError, match="no model 'm'; it has a, b, c, d, e, f, g, h and 2"
        ):
            await ask(server, ChatOptions(model="m"))
        with pytest.raises(EndpointError, match=r"^no$"):
            await ask(server, ChatOptions(model="a"))
    async with serving(lambda _: refusing("404 Not Found", {})) as server:
        with pytest.raises(EndpointError, match="OpenAI-compatible"):
            await ask(server)


async def test_certificates_that_nobody_signed(tmp_path: Path) -> None:
    """The sentence names the way to trust them; then they are trusted."""
    trust, context = certificate(tmp_path)
    async with serving(speaking(None, {"content": "Hi"}), ssl=context) as server:
        with pytest.raises(EndpointError, match=r"not trusted .*SSL_CERT_FILE"):
            await ask(server)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(trust))
            assert said(await ask(server)) == ("", "Hi")


async def test_http_and_https_mixed_up(tmp_path: Path) -> None:
    """Both ways round, the sentence says so."""
    async with serving(speaking(None)) as server:
        server.url = server.url.replace("http:", "https:")
        with pytest.raises(EndpointError, match="does not speak proper TLS"):
            await ask(server)
    async with serving(speaking(None), ssl=certificate(tmp_path)[1]) as server:
        server.url = server.url.replace("https:", "http:")
        with pytest.raises(EndpointError, match="https://"):
            await ask(server)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """The file of an authority of its own, and a server's context with its certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path, context
