"""Tags that are text are found wherever the stream is cut, and quoted ones are text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.reasoning.events import Answer, Thought, ToolCall
from localqwq.reasoning.parser import Parser, Piece, Tags, text_starts_in_thought
from localqwq.reasoning.tags import Closing, FoundTag, Tag, TagFinder

THINK_TAGS = (Tag.THINK_OPEN, Tag.THINK_CLOSE)
texts = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</", "think>", "`", "```", "\n", "a ", "ä", ""])
).map("".join)


def cut(text: str, places: list[int]) -> list[str]:
    """The text in pieces."""
    bounds = sorted({0, len(text), *(place for place in places if place < len(text))})
    return [text[a:b] for a, b in pairwise(bounds)]


def find(pieces: list[str], closing: Closing = Closing.TEXT) -> list[str | Tag]:
    """What the finder says of the pieces, neighbouring texts put together."""
    return [
        part if isinstance(part, str) else part.tag for part in find_as_written(pieces, closing)
    ]


def find_as_written(pieces: list[str], closing: Closing) -> list[str | FoundTag]:
    """The same, with the tags as the text has them."""
    finder = TagFinder(THINK_TAGS, closing)
    parts = [part for piece in pieces for part in finder.feed(piece)] + list(finder.flush())
    joined: list[str | FoundTag] = [""]
    for part in parts:
        if isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return [part for part in joined if part != ""]


def parse(*pieces: str, in_thought: bool = True, tags: tuple[Tag, ...] = tuple(Tag)) -> list[Piece]:
    """The events of a generation whose vocabulary has no tags."""
    parser = Parser(Tags(), in_thought, tags)
    return [piece for text in pieces for piece in parser.feed(100, text)] + parser.flush()


def thought(events: list[Piece]) -> str:
    """The whole thought."""
    return "".join(event.text for event in events if isinstance(event, Thought))


def answer(events: list[Piece]) -> str:
    """The whole answer."""
    return "".join(event.text for event in events if isinstance(event, Answer))


@settings(deadline=None)
@given(texts, st.lists(st.integers(0, 60)), st.sampled_from(Closing))
def test_the_cut_does_not_matter(text: str, places: list[int], closing: Closing) -> None:
    """Any cut gives the same, and nothing is lost."""
    found = find_as_written(cut(text, places), closing)
    assert found == find_as_written([text], closing)
    assert "".join(part if isinstance(part, str) else part.text for part in found) == text


@pytest.mark.parametrize(
    "quoted",
    [
        "`</think>`",
        '"</think>"',
        "```\n</think>\n```\n",
        "```html\n<p>\n</think>\n",
        "``` </think>",
    ],
)
def test_quoted_tags_are_text(quoted: str) -> None:
    """After a quotation mark and in a block of code."""
    assert find(["It ends with ", "\n", quoted]) == ["It ends with \n" + quoted]


def test_after_a_block_of_code_tags_count_again() -> None:
    """Two blocks, one with its fence and more on a line."""
    text = "```py\n1\n```\nb\n```\n<think>\n```\n"
    assert find([text, "</think>"]) == [text, Tag.THINK_CLOSE]


def test_a_tag_that_is_known_to_come() -> None:
    """What is put in from outside is a tag even within a block of code."""
    finder = TagFinder(THINK_TAGS)
    list(finder.feed("```\n"))
    finder.leave_quotes()
    assert list(finder.feed("`</think>")) == ["`", FoundTag(Tag.THINK_CLOSE, "</think>")]


@pytest.mark.parametrize("text", ["</THINK>", "</think >", "</Think \t>"])
def test_tags_as_some_models_write_them(text: str) -> None:
    """In capitals, and with blanks; what is no tag keeps its spelling."""
    for place in range(len(text)):
        assert find_as_written(["a", *cut(text, [place])], Closing.AWAITED) == [
            "a",
            FoundTag(Tag.THINK_CLOSE, text),
        ]
    assert find_as_written(["`", text], Closing.TEXT) == ["`" + text]


@pytest.mark.parametrize("before", ["```\nx\n", 'he wrote "', "so `x"])
def test_a_blank_line_behind_a_closing_tag(before: str) -> None:
    """It tells at once that the thought is over, whatever quotation seems to be open."""
    finder = TagFinder(THINK_TAGS, Closing.AWAITED)
    found = [*finder.feed(before + "</think>\n"), *finder.feed("\nIt")]
    assert [part for part in found if isinstance(part, FoundTag)]
    assert "".join(part if isinstance(part, str) else part.text for part in found).endswith("It")


@pytest.mark.parametrize("quoted", ["`</think>`", '"</think>"', "```\n</think>\n```\n"])
def test_a_later_tag_makes_a_quotation_of_an_earlier_one(quoted: str) -> None:
    """A quoted tag is text as soon as another one closes the thought."""
    text = "It ends with \n" + quoted
    assert find([text, "\n", "</think>It."], Closing.AWAITED) == [
        text + "\n",
        Tag.THINK_CLOSE,
        "It.",
    ]


def test_the_end_decides() -> None:
    """The model that ends its turn has closed its thought; one that is cut off need not have."""
    for ended, expected in ((True, ["It is `", Tag.THINK_CLOSE, "`"]), (False, None)):
        finder = TagFinder(THINK_TAGS, Closing.AWAITED)
        found = [*finder.feed("It is `</think>`"), *finder.flush(ended=ended)]
        plain = [part if isinstance(part, str) else part.tag for part in found]
        assert plain == (expected or ["It is `", "</think>`"])
    finder = TagFinder(THINK_TAGS, Closing.AWAITED)
    found = [*finder.feed("```\nx = 1\n</think>It is on"), *finder.flush(ended=False)]
    assert found[1:] == [FoundTag(Tag.THINK_CLOSE, "</think>"), "It is on"]


def test_thought_and_answer_by_text() -> None:
    """As an R1 distil writes it, in tokens that are parts of the tags."""
    events = parse("Hm", ".\n</", "think", ">\n\nIt", " is.")
    assert (thought(events), answer(events)) == ("Hm.", "It is.")
    counts = [event.tokens for event in events if isinstance(event, Thought)]
    assert sum(counts) == 4
    opened = parse("<th", "ink>a", "</think>b", in_thought=False)
    assert (thought(opened), answer(opened)) == ("a", "b")


def test_talk_about_tags_in_the_answer() -> None:
    """Once the answer has begun, its tags are text."""
    events = parse("a</think>b <think> c </think> d")
    assert (thought(events), answer(events)) == ("a", "b <think> c </think> d")


def test_calls_by_text() -> None:
    """A tool call whose tags have no token."""
    events = parse("x</think><tool_", 'call>{"name": "f"}</tool_call>')
    assert [event.name for event in events if isinstance(event, ToolCall)] == ["f"]


def test_what_is_held_back_comes_at_the_end() -> None:
    """A generation that ends within what might have become a tag."""
    assert thought(parse("a <", "/thi")) == "a </thi"


@settings(deadline=None)
@given(texts, st.booleans())
def test_counts_add_up(text: str, in_thought: bool) -> None:
    """Every token is in one event."""
    parser = Parser(Tags(), in_thought, tuple(Tag))
    events = [piece for letter in text for piece in parser.feed(7, letter)] + parser.flush()
    counted = [event for event in events if not isinstance(event, ToolCall)]
    assert sum(event.tokens for event in counted) == len(text) == parser.completion_tokens
    of_thoughts = [event.tokens for event in counted if isinstance(event, Thought)]
    assert sum(of_thoughts) == parser.reasoning_tokens


def test_where_generation_begins() -> None:
    """The prompt's very end decides, not what a user wrote."""
    assert text_starts_in_thought("<|Assistant|><think>\n")
    assert not text_starts_in_thought("<|User|><think><|Assistant|>")
