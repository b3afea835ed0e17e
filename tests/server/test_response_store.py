"""Stored responses: continued, read, generated in the background, bounded and private."""

import asyncio
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from localqwq.errors import LocalqwqError
from localqwq.server.http.body import parse_body
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.responses.kept import KeptResponses
from localqwq.server.http.responses.schema import ResponsesRequest
from localqwq.server.http.responses.store import ResponseStore, StoredResponse
from tests.servers import announced, server_command

RESPONSES = "/v1/responses"
ASKED: dict[str, Any] = {"model": "demo", "input": "What is 12 + 30?", "temperature": 0}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server stores responses."""
    return tmp_path_factory.mktemp("stored") / "responses.sqlite"


@pytest.fixture(scope="module")
def http(demo_gguf: Path, file: Path) -> Iterator[httpx2.Client]:
    """A client of a server that stores responses."""
    command = server_command(demo_gguf, "--port", "0", "--parent-pipe", "--responses", str(file))
    with (
        announced(command) as url,
        httpx2.Client(base_url=url, timeout=120, trust_env=False) as client,
    ):
        yield client


def asked(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    """The response to a request."""
    reply = http.post(RESPONSES, json=ASKED | fields)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def test_a_response_is_continued(http: httpx2.Client, file: Path) -> None:
    """The model gets what it would get if the client sent everything."""
    first = asked(http)
    assert first["store"] is True
    second = asked(http, input="And 12 + 31?", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    said = [{"role": "user", "content": text} for text in (ASKED["input"], "And 12 + 31?")]
    whole = asked(http, input=[said[0], *first["output"], said[1]], store=False)
    for name in ("input_tokens", "output_tokens"):
        assert second["usage"][name] == whole["usage"][name]
    assert [item.get("content") for item in second["output"]] == [
        item.get("content") for item in whole["output"]
    ]
    third = asked(http, input="And?", previous_response_id=second["id"], max_output_tokens=1)
    assert third["usage"]["input_tokens"] > second["usage"]["input_tokens"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_read_and_deleted(http: httpx2.Client) -> None:
    """With the items that it answers; afterwards it cannot be continued."""
    first = asked(http, max_output_tokens=2)
    second = asked(http, input="And?", previous_response_id=first["id"], max_output_tokens=2)
    assert http.get(f"{RESPONSES}/{second['id']}").json() == second
    items = f"{RESPONSES}/{second['id']}/input_items"
    page = http.get(items, params={"order": "asc"}).json()
    texts = [item["content"][0]["text"] for item in page["data"] if item.get("role") == "user"]
    assert texts == [ASKED["input"], "And?"]
    assert [item["id"] for item in page["data"][1:-1]] == [one["id"] for one in first["output"]]
    newest = http.get(items, params={"limit": 1}).json()
    assert newest["data"] == page["data"][-1:]
    assert newest["has_more"] is True
    rest = http.get(items, params={"after": newest["last_id"]}).json()
    assert rest["data"] == page["data"][-2::-1]
    assert http.get(items, params={"limit": 0}).status_code == 400
    assert http.delete(f"{RESPONSES}/{first['id']}").json()["deleted"] is True
    for reply in (
        http.get(f"{RESPONSES}/{first['id']}"),
        http.delete(f"{RESPONSES}/{first['id']}"),
    ):
        assert reply.status_code == 404
    lost = http.post(RESPONSES, json=ASKED | {"previous_response_id": second["id"]})
    assert lost.status_code == 400
    assert lost.json()["error"]["code"] == "previous_response_not_found"


def test_items_are_referred_to(http: httpx2.Client) -> None:
    """As clients do that send ids for what is stored."""
    first = asked(http)
    references = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
    said = [{"role": "user", "content": text} for text in (ASKED["input"], "And 12 + 31?")]
    short = asked(http, input=[said[0], *references, said[1]], max_output_tokens=1)
    whole = asked(http, input=[said[0], *first["output"], said[1]], max_output_tokens=1)
    assert short["usage"]["input_tokens"] == whole["usage"]["input_tokens"]
    again = asked(http, input="And?", previous_response_id=short["id"], max_output_tokens=1)
    assert again["usage"]["input_tokens"] > short["usage"]["input_tokens"]
    unknown = http.post(RESPONSES, json={"input": [{"type": "item_reference", "id": "msg_0"}]})
    assert "'msg_0' is not stored" in unknown.json()["error"]["message"]


def test_what_is_not_to_be_stored(http: httpx2.Client) -> None:
    """Leaves nothing."""
    response = asked(http, store=False, max_output_tokens=1)
    assert response["store"] is False
    assert http.get(f"{RESPONSES}/{response['id']}").status_code == 404


def test_a_stream_is_stored_before_it_ends(http: httpx2.Client) -> None:
    """A client continues it as soon as it knows that it is complete."""
    with openai.OpenAI(
        base_url=f"{str(http.base_url).rstrip('/')}/v1", api_key="none", max_retries=0
    ) as client:
        with client.responses.stream(model="demo", input="Hi", temperature=0) as stream:
            final = stream.get_final_response()
        assert client.responses.retrieve(final.id).output_text == final.output_text
        assert client.responses.input_items.list(final.id).data
        client.responses.delete(final.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(final.id)


def test_in_the_background(http: httpx2.Client) -> None:
    """It comes at once, runs on, and is read when it is complete."""
    begun = asked(http, background=True)
    assert (begun["status"], begun["output"], begun["background"]) == ("in_progress", [], True)
    while (found := http.get(f"{RESPONSES}/{begun['id']}").json())["status"] == "in_progress":
        time.sleep(0.02)
    assert found["status"] == "completed"
    assert found["output"] == [
        item | {"id": found["output"][index]["id"]}
        for index, item in enumerate(asked(http, store=False)["output"])
    ]
    done = http.post(f"{RESPONSES}/{begun['id']}/cancel")
    assert done.json()["status"] == "completed"


def test_only_what_runs_in_the_background_is_cancelled(http: httpx2.Client) -> None:
    """And it can be deleted whether or not it still runs."""
    other = asked(http, max_output_tokens=1)
    assert http.post(f"{RESPONSES}/{other['id']}/cancel").status_code == 400
    assert http.post(f"{RESPONSES}/resp_0/cancel").status_code == 404
    running = asked(http, background=True)
    assert http.delete(f"{RESPONSES}/{running['id']}").status_code == 200
    assert http.get(f"{RESPONSES}/{running['id']}").status_code == 404


def test_it_is_cancelled(tmp_path: Path) -> None:
    """And stays readable as that; one that is still generated cannot be continued."""
    ended: list[str] = []
    following = parse_body(ResponsesRequest, b'{"input": "And?", "previous_response_id": "resp_1"}')

    async def held(begun: Callable[[], None]) -> Json:
        begun()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("held")
        raise AssertionError

    async def steps() -> None:
        kept = KeptResponses(ResponseStore(tmp_path / "responses.sqlite"))
        head: Json = {"id": "resp_1", "background": True, "output": []}
        assert (await kept.start(head, [], None, held))["status"] == "in_progress"
        assert (await kept.get("resp_1")).response["status"] == "in_progress"
        with pytest.raises(InvalidRequestError, match="not complete"):
            await kept.whole(following)
        assert (await kept.cancel("resp_1"))["status"] == "cancelled"
        assert ended == ["held"]
        assert (await kept.get("resp_1")).response["status"] == "cancelled"
        await kept.start(head | {"id": "resp_2"}, [], None, held)
        await kept.delete("resp_2")
        with pytest.raises(InvalidRequestError, match="no response 'resp_2'"):
            await kept.get("resp_2")

    asyncio.run(steps())


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"stream": True}, "'background' is invalid with stream"),
        ({"store": False}, "'background' is invalid with store: false"),
        ({"input": "a b " * 4000}, "tokens"),
        ({"tool_choice": "required"}, "tools"),
    ],
)
def test_what_cannot_run_in_the_background(
    http: httpx2.Client, fields: dict[str, Any], says: str
) -> None:
    """Is told at once."""
    reply = http.post(RESPONSES, json=ASKED | {"background": True} | fields)
    assert reply.status_code == 400
    assert says in reply.json()["error"]["message"]


def test_a_server_without_a_store(demo_server: str) -> None:
    """Has nothing to read, and says so."""
    reply = httpx2.get(f"{demo_server}{RESPONSES}/resp_1", trust_env=False)
    assert reply.status_code == 404
    assert "not stored here" in reply.json()["error"]["message"]


def test_a_response_whose_server_ended(http: httpx2.Client, file: Path) -> None:
    """Has failed."""
    open_one = {"id": "resp_lost", "status": "in_progress", "output": []}
    ResponseStore(file).put(StoredResponse(open_one, []))
    found = http.get(f"{RESPONSES}/resp_lost").json()
    assert found["status"] == "failed"
    assert "ended" in found["error"]["message"]


def response(number: int, text: str = "") -> StoredResponse:
    """A response, which continues the one before it."""
    item = {"id": f"msg_{number}", "text": text}
    body = {"id": f"resp_{number}", "status": "completed", "output": [item]}
    return StoredResponse(body, [], f"resp_{number - 1}" if number else None)


def test_bounds(tmp_path: Path) -> None:
    """Responses go that were used least recently, by bytes and by days, and their bytes with
    them.
    """
    now = [0.0]
    path = tmp_path / "deep" / "responses.sqlite"
    store = ResponseStore(path, limit_bytes=3_000_000, days=2, clock=lambda: now[0])
    assert store.chain("resp_0") is None
    assert not path.exists()  # nothing is made before there is something to store
    for number in range(3):
        now[0] += 1
        store.put(response(number, "x" * 900_000))
    now[0] += 1
    chain = store.chain("resp_1")
    assert chain is not None
    assert [stored.id for stored in chain] == ["resp_0", "resp_1"]
    now[0] += 1
    store.put(response(7, "x" * 900_000))
    assert [store.get(f"resp_{number}") is not None for number in (0, 1, 2, 7)] == [
        True,
        True,
        False,
        True,
    ]
    assert store.item("msg_2") is None
    now[0] += 3 * 24 * 3600
    assert store.get("resp_7") is None
    store.put(response(8))
    assert path.stat().st_size < 100_000


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    """One sentence with the way out."""
    path = tmp_path / "responses.sqlite"
    path.write_bytes(os.urandom(5000))
    with pytest.raises(LocalqwqError, match="--no-store"):
        ResponseStore(path).get("resp_1")
