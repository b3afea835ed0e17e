"""Ollama's API as an HTTP client meets it."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from localqwq.server.http.booting_app import Loading

ASKED: dict[str, Any] = {
    "model": "demo",
    "options": {"temperature": 0},
    "messages": [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}],
}
PROMPT: dict[str, Any] = {
    "model": "demo",
    "options": {"temperature": 0},
    "prompt": "Which is larger, 9.9 or 9.11?",
}


def lines(reply: httpx2.Response) -> list[dict[str, Any]]:
    """The lines of a stream."""
    assert reply.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in reply.text.splitlines()]


def test_it_thinks_and_answers(http: httpx2.Client) -> None:
    """In lines unless that is turned off; a single prompt is answered like a chat."""
    whole = http.post("/api/chat", json=ASKED | {"stream": False}).json()
    assert whole["done"] is True
    assert "9.9" in whole["message"]["content"]
    streamed = lines(http.post("/api/chat", json=ASKED))
    prompted = lines(http.post("/api/generate", json=PROMPT))
    for name, key in (("content", "response"), ("thinking", "thinking")):
        text = "".join(line["message"].get(name, "") for line in streamed)
        assert text == whole["message"][name] == "".join(one.get(key, "") for one in prompted)
    for end in (whole, streamed[-1], prompted[-1]):
        assert end["done_reason"] == "stop"
        assert end["eval_count"] == whole["eval_count"] > 0
        assert end["total_duration"] > end["eval_duration"] > 0


def test_a_raw_prompt_is_continued(http: httpx2.Client) -> None:
    """As the completions of the other API are."""
    raw = PROMPT | {"raw": True, "options": {"temperature": 0, "num_predict": 8}}
    asked = {"prompt": PROMPT["prompt"], "max_tokens": 8, "temperature": 0}
    theirs = http.post("/v1/completions", json=asked).json()["choices"][0]["text"]
    ours = http.post("/api/generate", json=raw | {"stream": False}).json()
    assert ours["response"] == theirs
    assert "".join(one["response"] for one in lines(http.post("/api/generate", json=raw))) == theirs


def test_the_examples_of_its_documentation(http: httpx2.Client) -> None:
    """Which leave the declaration of the body to curl; nobody else may."""
    curls = {"Content-Type": "application/x-www-form-urlencoded"}
    body = json.dumps(PROMPT | {"stream": False, "options": {"num_predict": 1}})
    assert http.post("/api/generate", content=body, headers=curls).json()["done"] is True
    assert http.post("/v1/completions", content=body, headers=curls).status_code == 415


def test_nothing_to_answer(http: httpx2.Client) -> None:
    """Programs load a model so before they need it, and unload it."""
    assert http.post("/api/chat", json={"model": "demo"}).json()["done_reason"] == "load"
    for keep, reason in ((0, "unload"), ("0s", "unload"), ("5m", "load"), (-1, "load")):
        body = {"model": "demo", "keep_alive": keep}
        told = http.post("/api/generate", json=body).json()
        assert (told["response"], told["done"], told["done_reason"]) == ("", True, reason)
        told = http.post("/api/chat", json=body | {"messages": []}).json()
        assert (told["message"]["content"], told["done_reason"]) == ("", reason)


def test_the_model_is_described(http: httpx2.Client) -> None:
    """With what programs look for before they use it."""
    [listed] = http.get("/api/tags").json()["models"]
    [loaded] = http.get("/api/ps").json()["models"]
    assert listed["digest"] == loaded["digest"]
    assert len(listed["digest"]) == 64
    for name in (listed["name"], listed["name"] + ":latest"):
        shown = http.post("/api/show", json={"model": name}).json()
        assert shown["capabilities"] == ["completion", "tools", "thinking"]
        family = shown["details"]["family"]
        assert shown["model_info"][f"{family}.context_length"] == loaded["context_length"] == 2048
    assert http.post("/api/show", json={"name": "llama3"}).status_code == 404
    assert http.get("/api/version").json()["version"]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/api/chat", {"messages": 1}, 400, "messages"),
        ("/api/chat", ASKED | {"options": {"num_ctx": 10**6}}, 400, "2,048 tokens"),
        ("/api/chat", ASKED | {"format": {"type": 7}}, 400, "schema's type"),
        ("/api/chat", ASKED | {"tools": [{"function": {}}]}, 400, "tools"),
        ("/api/generate", PROMPT | {"prompt": "a b " * 3000}, 400, "tokens"),
        ("/api/push", {"model": "demo"}, 404, "/api/push"),
    ],
)
def test_errors_are_in_its_own_form(
    http: httpx2.Client, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    """A sentence, and nothing else."""
    reply = http.post(path, json=body)
    assert reply.status_code == status
    assert reply.json().keys() == {"error"}
    assert says in reply.json()["error"]


def test_foreign_pages_cannot_use_it(http: httpx2.Client) -> None:
    """Nor read what is installed."""
    for reply in (
        http.get("/api/tags", headers={"Origin": "https://page.example"}),
        http.post("/api/chat", json=ASKED, headers={"Host": "page.example"}),
    ):
        assert reply.status_code == 403
        assert reply.json().keys() == {"error"}


def test_while_the_model_loads() -> None:
    """The error has the same form."""
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(Loading()), base_url="http://localhost"
    )

    async def ask() -> httpx2.Response:
        async with client:
            return await client.post("/api/chat", json=ASKED)

    reply = asyncio.run(ask())
    assert reply.status_code == 503
    assert reply.json().keys() == {"error"}
