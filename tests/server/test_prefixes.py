"""Prompts that were read again: where and why, without a word of them."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.engine.llama.model import Model
from localqwq.errors import LocalqwqError
from localqwq.reasoning.beginnings import common_length
from localqwq.reasoning.events import Finish, Timings, Usage
from localqwq.server.http.counts import Counts
from localqwq.server.http.inner_request import chat_request
from localqwq.server.http.prefix_loss import Part, PrefixLoss, parts_of, prefix_loss
from localqwq.server.http.prefixes import Prefixes
from localqwq.server.http.request_log import LOGGER
from localqwq.server.http.schema import ChatRequest
from tests.drawn_turns import TOOLS

RULES = "You write programs, and answer in few words. " * 40
WORDS = st.text("ab 12", max_size=8)


def asked(system: str, *said: str, tools: bool = False) -> ChatRequest:
    """A conversation in which user and assistant take turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": text} for index, text in enumerate(said)]
    request = {"messages": [{"role": "system", "content": system}, *messages]}
    return chat_request(request | ({"tools": TOOLS} if tools else {}))


async def characters(text: str) -> Sequence[int]:
    """A vocabulary of characters."""
    return [ord(letter) for letter in text]


def lost(before: ChatRequest, now: ChatRequest) -> PrefixLoss | None:
    """What the second one lost."""
    prefixes = Prefixes(Counts(), characters)
    assert prefixes.noted(before) is None
    return prefixes.noted(now)


@pytest.mark.parametrize(
    ("was", "is_", "cause"),
    [
        ("2026-11-29", "2026-11-30", "date"),
        ("Sunday, 29 November 2026", "Monday, 30 November 2026", "date"),
        ("Nov 30, 2026", "Dec 1, 2026", "date"),
        ("08:59", "09:00:01", "time"),
        ("31,250 tokens left", "987 tokens left", "number"),
        ("8f14e45f-ceea-467f-a0e6-1d2b3c4d5e6f", "c9f0f895-fb98-4b91-9f5c-aa0102030405", "id"),
        ("session 1f3a9c0d2b", "session 77aa00ff12", "id"),
        ("Be kind.", "Be quick.", "text"),
        ("Be kind, it is 8:00.", "Be quick, it is 9:00.", "text"),
    ],
)
def test_a_change_in_the_system_prompt(was: str, is_: str, cause: str) -> None:
    """Is named by its place and its kind."""
    start = "You are a program.\n"
    loss = lost(asked(f"{start}{was}\n{RULES}", "Hi"), asked(f"{start}{is_}\n{RULES}", "Hi"))
    assert loss is not None
    assert (loss.place, loss.kind, loss.cause) == ("system prompt", "system prompt", cause)
    assert loss.at == len(start) + common_length(was, is_) + 1
    sentence = loss.sentence(812, 5)
    assert sentence.startswith("812 tokens were read again")
    assert " changed at token 5" in sentence
    assert ("leave it out" in sentence) == (cause != "text")
    assert is_ not in sentence


def test_changed_tools_and_messages() -> None:
    """A tool that is described in another way, and a message that is gone, or new."""
    before = parts_of([{"role": "system", "content": "S"}], TOOLS)
    assert [part.place for part in before] == ["system prompt", "tools"]
    said = ("Hi", RULES, "And?", "So.", "Go on.")
    shorter = lost(asked("S", *said), asked("S", said[0], *said[2:]))
    assert shorter == PrefixLoss("message 3 (assistant)", 0, "removed")
    longer = lost(asked("S", said[0], *said[2:], RULES), asked("S", *said, RULES))
    assert longer is not None
    assert (longer.kind, longer.cause) == ("messages", "inserted")
    rewritten = lost(asked("S", *said), asked("S", said[0], RULES + "!", *said[2:]))
    assert rewritten is None  # nothing before the change is behind it
    changed = lost(asked("S", *said), asked("S", said[0], f"?{RULES}", *said[2:]))
    assert changed == PrefixLoss("message 3 (assistant)", 1, "text")


@pytest.mark.parametrize(
    "now",
    [
        asked(RULES, "Hi", "Hello.", "And?"),
        asked(RULES, "Ho"),
        asked("Another program. " * 100, "Hi"),
        asked(RULES, "Hi", tools=True),
    ],
)
def test_no_loss(now: ChatRequest) -> None:
    """A conversation goes on, another one begins, or it is another program."""
    assert lost(asked(RULES, "Hi"), now) is None


@given(st.lists(WORDS, max_size=5), st.lists(WORDS, max_size=5))
def test_what_goes_on_loses_nothing(before: list[str], more: list[str]) -> None:
    """Whatever it is."""
    parts = [Part(f"message {number} (user)", text) for number, text in enumerate(before)]
    assert prefix_loss(parts, parts + [Part("message 9 (user)", text) for text in more]) is None


@given(WORDS, WORDS)
def test_common_length(a: str, b: str) -> None:
    """As counted one by one."""
    counted = next((n for n, pair in enumerate(zip(a, b, strict=False)) if len({*pair}) > 1), None)
    assert common_length(a, b) == (min(len(a), len(b)) if counted is None else counted)


async def test_a_prompt_that_was_in_the_cache_after_all(caplog: pytest.LogCaptureFixture) -> None:
    """Lost nothing; others are counted and logged once."""
    counts = Counts()
    prefixes = Prefixes(counts, characters)
    loss = PrefixLoss("message 3 (user)", 7, "text", ("Go on.", "Go on!"))
    caplog.set_level(logging.INFO, LOGGER.name)
    for cached in (990, 10):
        usage = Usage(prompt_tokens=1000, cached_tokens=cached)
        await prefixes.told(loss, [Finish("stop", usage, Timings())])
        await prefixes.told(None, [Finish("stop", usage, Timings())])
        await prefixes.told(loss, [])
    assert dict(counts.prefixes_lost) == {("messages", "text"): 1}
    assert [record.getMessage() for record in caplog.records] == [
        "990 tokens were read again, because message 3 (user) changed at token 6."
    ]


@pytest.mark.parametrize(("loaded", "where"), [(True, "token"), (False, "character")])
async def test_where_it_changed(
    demo_gguf: Path, caplog: pytest.LogCaptureFixture, *, loaded: bool, where: str
) -> None:
    """In the model's own tokens, or in characters if its engine has just ended."""
    model = Model(demo_gguf, 0, vocabulary_only=True)

    async def tokens_of(text: str) -> Sequence[int]:
        if not loaded:
            raise LocalqwqError("The engine has ended.")
        return model.tokenize(text, begin=False, special=False)

    prefixes = Prefixes(Counts(), tokens_of)
    texts = [f"{RULES}It is 2026-11-{day}, and {RULES}" for day in (29, 30)]
    assert prefixes.noted(asked(texts[0], "Hi")) is None
    loss = prefixes.noted(asked(texts[1], "Hi"))
    caplog.set_level(logging.INFO, LOGGER.name)
    await prefixes.told(loss, [Finish("stop", Usage(prompt_tokens=1000), Timings())])
    before, now = [model.tokenize(text, begin=False, special=False) for text in texts]
    model.close()
    at = common_length(before, now) if loaded else common_length(texts[0], texts[1])
    assert len(now) - at > 100  # far from its end
    assert [record.getMessage() for record in caplog.records] == [
        f"1,000 tokens were read again, because a date changed at {where} {at + 1:,} of the system "
        "prompt: leave it out, or put it behind what stays the same."
    ]


def test_it_is_in_the_metrics(own_http: httpx2.Client) -> None:
    """For any API; the second request is read again from the date on."""
    rules = "Add the numbers. " * 70

    def ask(day: int) -> dict[str, Any]:
        system = f"Today is 2026-11-{day}. {rules}"
        body = {"system": system, "messages": [{"role": "user", "content": "1 + 1?"}]}
        usage: dict[str, Any] = own_http.post("/v1/messages", json=body | {"max_tokens": 1}).json()[
            "usage"
        ]
        return usage

    ask(29)
    assert ask(29)["cache_read_input_tokens"] > 200
    assert ask(30)["cache_read_input_tokens"] < 50
    line = 'localqwq_prefix_lost_total{cause="date",place="system prompt"} 1.0'
    assert line in own_http.get("/metrics").text
