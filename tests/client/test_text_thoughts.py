"""Thoughts as text, wherever the text is cut."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.client.text_thoughts import TextThoughts, probably_opens
from localqwq.reasoning.events import Answer, Event, Thought
from tests.told import said

PARTS = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<",
        "</",
        "<thi",
        "think>",
        "\n",
        "a",
        " b.",
        "`",
        "```\n",
        "<tool_call>",
    ]
)
FENCES_AND_QUOTES = ["```", "```py\n", "~~~", "`x`", "`", '"', "'", "“", "»", "> ", "- ", "1. "]
WORDS = ["\n", "\n\n", "a", " b", "ä.", "<", "</", "<thin", "  ", "</thinking>"]
MARKDOWN = st.sampled_from([*FENCES_AND_QUOTES, *WORDS])


def split(text: str, cuts: Iterable[int]) -> list[str]:
    """The text in pieces, cut at these places."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[start:end] for start, end in pairwise(places)]


def told(pieces: Iterable[str], opened: bool, sure: bool = True) -> tuple[str, str, int]:
    """The thought, the answer, and the tokens that they brought."""
    thoughts = TextThoughts(opened, sure=sure)
    events: list[Event] = [event for piece in pieces for event in thoughts.feed(piece)]
    events += thoughts.finish(whole=True)
    counted = sum(event.tokens for event in events if isinstance(event, Thought | Answer))
    return *said(events), counted


@given(st.lists(PARTS, max_size=12).map("".join), st.lists(st.integers(0, 80)), st.booleans())
def test_cuts_do_not_matter(text: str, cuts: list[int], opened: bool) -> None:
    """The same thought and the same answer, whatever pieces the text comes in."""
    assert told(split(text, cuts), opened)[:2] == told([text] if text else [], opened)[:2]


@pytest.mark.parametrize("opened", [False, True])
def test_every_cut_of_a_whole_answer(opened: bool) -> None:
    """Two pieces, cut at each character."""
    text = ("" if opened else "<think>\n") + "Is `</think>` a tag?\n</think>\n\nIt is."
    for cut in range(len(text) + 1):
        assert told(split(text, [cut]), opened)[:2] == ("Is `</think>` a tag?", "It is.")


@given(st.lists(PARTS, max_size=12).map("".join), st.booleans(), st.booleans())
def test_nothing_is_lost(text: str, opened: bool, sure: bool) -> None:
    """But for the two tags and the newlines around, all that came is told."""
    thought, answer, _ = told(text, opened, sure)
    letters = text.replace("\n", "")
    for kept in (thought, answer):
        assert set(kept.replace("\n", "")) <= set(letters)
    if "<think>" not in text and "</think>" not in text:
        assert (thought + answer).replace("\n", "") == letters


@given(
    st.lists(MARKDOWN, max_size=30).map("".join),
    st.sampled_from(["\n</think>\n\n", "</think>\n\n", "\n</think>\n", "</think>", "</THINK > "]),
    st.lists(MARKDOWN, max_size=8).map("".join),
    st.lists(st.integers(0, 120)),
    st.booleans(),
)
def test_the_answer_is_what_follows_the_tag(
    thought: str, tag: str, answer: str, cuts: list[int], opened: bool
) -> None:
    """Whatever Markdown the thought is made of, wherever the stream is cut."""
    text = ("" if opened else " \n<think>\n") + thought + tag + "The answer " + answer
    found, said, _ = told(split(text, cuts), opened, sure=opened)
    assert said == ("The answer " + answer).rstrip("\n")
    assert found == thought.strip("\n")


@given(st.lists(MARKDOWN, max_size=20).map("".join), st.lists(st.integers(0, 80)))
def test_a_tag_that_nothing_opened(thought: str, cuts: list[int]) -> None:
    """All before it was the thought, though it was told as an answer."""
    text = "So " + thought + "\n</think>\n\nThe answer is 42."
    assert told(split(text, cuts), opened=False, sure=False)[:2] == (
        ("So " + thought).rstrip("\n"),
        "The answer is 42.",
    )


@pytest.mark.parametrize(
    "text", ["`</think>` ends it.", "```\n<think>\nHm\n</think>\n\nHi\n```\nSo."]
)
def test_an_answer_about_tags(text: str) -> None:
    """What it quotes is text, and makes no thought of it."""
    for cut in range(len(text)):
        assert told(split(text, [cut]), opened=False, sure=False)[:2] == ("", text)


def test_white_space_around_the_tags() -> None:
    """None of it is part of the answer, and none keeps a tag from being seen."""
    assert told([" ", "\r\n\t<think>", "Hm", "</think>", " \r\n", "\tHi! "], False)[:2] == (
        "Hm",
        "Hi! ",
    )


def test_an_assumption_that_was_wrong() -> None:
    """A whole answer without a closing tag was no thought; with a certain one it stays."""
    assert told(["Hi", "!"], opened=True, sure=False)[:2] == ("", "Hi!")
    assert told(["Hi", "!"], opened=True)[:2] == ("Hi!", "")
    assert told(["Hm</think>Hi"], opened=True, sure=False)[:2] == ("Hm", "Hi")


def test_tokens_are_counted_once() -> None:
    """An event for each piece that brought something."""
    assert told(["Hm", "</think>", "Hi", "!"], opened=True)[2] == 3


@pytest.mark.parametrize(
    ("model", "opens"),
    [
        ("Qwen/QwQ-32B", True),
        ("qwq:32b-q4_K_M", True),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", True),
        ("qwq_32b", True),
        ("Qwen/Qwen3-30B-A3B-Thinking-2507", True),
        ("THUDM/GLM-Z1-32B-0414", True),
        ("qwen3:8b", False),
        ("default", False),
        (None, False),
    ],
)
def test_models_whose_templates_open_the_thought(model: str | None, opens: bool) -> None:
    """By the names that they have on all hubs."""
    assert probably_opens(model) is opens
