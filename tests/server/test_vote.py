"""``vote`` with ``n``: one answer comes back, and how many agree on it."""

import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.events import Answer, Event, Finish, Thought, Timings, ToolCall, Usage
from localqwq.server.http.chunks import Identity
from localqwq.server.http.turns import Batches
from localqwq.server.http.voting import voted, voted_chunks

CHAT = "/v1/chat/completions"
ASKED: dict[str, Any] = {
    "messages": [{"role": "user", "content": "What is 12 + 30?"}],
    "temperature": 1.2,
    "seed": 3,
    "n": 6,
    "vote": True,
    "max_tokens": 200,
}
IDENTITY = Identity("c-1", 1, "scripted")


def test_the_demo_votes(http: httpx2.Client) -> None:
    """The winner alone, with the votes and the tokens of all; a stream ends with the same."""
    document = http.post(CHAT, json=ASKED).json()
    (choice,) = document["choices"]
    vote = document["vote"]
    assert "42" in choice["message"]["content"]
    assert choice["message"]["reasoning_content"]
    assert vote["of"] == 6
    assert 4 <= vote["agreement"] == vote["votes"][0]["answers"] <= vote["answers"] <= 6
    assert vote["votes"][0]["result"] == "42"
    assert sum(one["answers"] for one in vote["votes"]) == vote["answers"]
    assert document["usage"]["completion_tokens"] > 3 * 20

    reply = http.post(
        CHAT, json=ASKED | {"stream": True, "stream_options": {"include_usage": True}}
    )
    lines = reply.text.split("\n\n")
    assert lines[-2] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    counts = [chunk["vote"]["answers"] for chunk in chunks if "vote" in chunk]
    assert counts == list(range(counts[-1] + 1))
    told = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "42" in "".join(delta.get("content", "") for delta in told)
    assert chunks[-1]["usage"]["completion_tokens"] > 3 * 20


@pytest.mark.parametrize("n", [None, 1])
def test_a_vote_of_one(http: httpx2.Client, n: int | None) -> None:
    """One sentence."""
    reply = http.post(CHAT, json=ASKED | {"n": n})
    assert reply.status_code == 400
    assert "vote requires n" in reply.json()["error"]["message"]


async def batches(answers: list[list[Event]]) -> Batches:
    """Answers that come one after the other."""
    for index, events in enumerate(answers):
        yield index, events[:1]
        yield index, [*events[1:], ended()]


def ended() -> Finish:
    """The end of an answer of ten tokens."""
    return Finish("stop", Usage(5, 0, 3, 10), Timings())


def saying(text: str) -> list[Event]:
    """An answer with a thought."""
    return [Thought("Hm."), Answer(text)]


async def test_what_counts_as_the_same() -> None:
    """Results and calls, never thoughts, even where they stand within the text."""
    answers: list[list[Event]] = [
        saying("<think>\n7\n</think>\n\nIt is 42."),
        saying("So it is 43."),
        [Answer(""), ToolCall("1", "add", "{}")],
        saying(r"\boxed{42}"),
        saying("42.0"),
    ]
    body = await voted(IDENTITY, batches(answers), 5)
    assert body["vote"] == {
        "answers": 5,
        "of": 5,
        "agreement": 3,
        "votes": [
            {"result": "42", "answers": 3},
            {"result": "43", "answers": 1},
            {"result": "add({})", "answers": 1},
        ],
    }
    assert body["choices"][0]["message"]["content"].endswith("It is 42.")
    assert body["usage"]["completion_tokens"] == 50


@given(st.lists(st.sampled_from(["1", "2", "3"]), min_size=2, max_size=9))
async def test_streams_and_documents_agree(results: list[str]) -> None:
    """And no answer is awaited that cannot change the outcome."""
    answers = [saying(f"It is {result}.") for result in results]
    body = await voted(IDENTITY, batches(answers), len(results))
    chunks = [
        chunk
        async for group in voted_chunks(IDENTITY, batches(answers), len(results), usage=True)
        for chunk in group
    ]
    votes = [chunk["vote"] for chunk in chunks if "vote" in chunk]
    assert votes[-1] == body["vote"]
    text = "".join(
        choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"]
    )
    assert text == body["choices"][0]["message"]["content"]
    assert chunks[-1]["usage"] == body["usage"]
    most = max(results, key=results.count)
    assert results.count(body["vote"]["votes"][0]["result"]) == results.count(most)
