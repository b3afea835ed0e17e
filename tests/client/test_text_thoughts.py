"""Thoughts as text, wherever the text is cut."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.client.text_thoughts import TextThoughts, probably_opens
from localqwq.reasoning.events import Thought

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


def split(text: str, cuts: Iterable[int]) -> list[str]:
    """The text in pieces, cut at these places."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[start:end] for start, end in pairwise(places)]


def told(pieces: Iterable[str], opened: bool, sure: bool = True) -> tuple[str, str, int]:
    """The thought, the answer, and the tokens that they brought."""
    thoughts = TextThoughts(opened, sure=sure)
    events = [event for piece in pieces for event in thoughts.feed(piece)]
    events += thoughts.finish(whole=True)
    thought = "".join(event.text for event in events if isinstance(event, Thought))
    answer = "".join(event.text for event in events if not isinstance(event, Thought))
    return thought, answer, sum(event.tokens for event in events)


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
        assert (thought + answer).replace("\n", "") in (letters, letters * 2)


def test_an_assumption_that_was_wrong() -> None:
    """A whole answer without a closing tag was no thought; with a certain one it stays."""
    assert told(["Hi", "!"], opened=True, sure=False)[:2] == ("Hi!", "Hi!")
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
        ("qwen3:8b", False),
        ("default", False),
        (None, False),
    ],
)
def test_models_whose_templates_open_the_thought(model: str | None, opens: bool) -> None:
    """By the names that they have on all hubs."""
    assert probably_opens(model) is opens
