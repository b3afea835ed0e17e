"""The tree of turns."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from localqwq.conversations.turns import (
    TITLE_LENGTH,
    Turn,
    messages,
    path,
    prompts,
    title,
    unanswered,
)


@st.composite
def trees(draw: st.DrawFn) -> dict[int, Turn]:
    """Trees of any shape, in which prompts and answers alternate on every path."""
    turns: dict[int, Turn] = {}
    for number in range(1, draw(st.integers(1, 12)) + 1):
        parent = draw(st.sampled_from([None, *turns]))
        asked = parent is None or turns[parent].role == "assistant"
        turns[number] = Turn(
            number,
            parent,
            "user" if asked else "assistant",
            text=draw(st.text(max_size=5)),
            thought="" if asked else draw(st.text(max_size=5)),
        )
    return turns


@given(trees(), st.data())
def test_a_path_goes_from_a_root_to_the_head_along_parents(
    turns: dict[int, Turn], data: st.DataObject
) -> None:
    """Whatever the shape of the tree, a path is connected and ends at the head."""
    head = data.draw(st.sampled_from(list(turns)))
    steps = path(turns, head)
    assert steps[0].parent is None
    assert steps[-1].id == head
    assert all(after.parent == before.id for before, after in pairwise(steps))
    assert path(turns, None) == ()


@given(trees(), st.text(max_size=5), st.data())
def test_the_model_reads_prompts_and_answers_only(
    turns: dict[int, Turn], system: str, data: st.DataObject
) -> None:
    """Every prompt and every answer with text is there in order; no thought is."""
    steps = path(turns, data.draw(st.sampled_from(list(turns))))
    written = messages(steps, system)
    assert [m["content"] for m in written if m["role"] == "user"] == prompts(steps)
    answers = [turn.text for turn in steps if turn.role == "assistant" and turn.text]
    assert [m["content"] for m in written if m["role"] == "assistant"] == answers
    assert ([m["content"] for m in written if m["role"] == "system"]) == (
        [system] if system else []
    )
    assert all(set(message) == {"role", "content"} for message in written)


@given(trees(), st.data())
def test_only_a_prompt_at_the_end_is_unanswered(
    turns: dict[int, Turn], data: st.DataObject
) -> None:
    """An answer at the end, however short, means that the prompt was answered."""
    steps = path(turns, data.draw(st.sampled_from(list(turns))))
    assert unanswered(steps) == (steps[-1] if steps[-1].role == "user" else None)
    assert unanswered(()) is None


@given(st.text())
def test_a_title_is_one_short_line(prompt: str) -> None:
    """Titles fit into a line of a list, whatever was typed."""
    assert len(title(prompt)) <= TITLE_LENGTH
    assert len(title(prompt).splitlines()) <= 1


def test_a_long_prompt_is_cut_at_a_word() -> None:
    """The title of a long prompt ends with a whole word and an ellipsis."""
    prompt = "\n\n  Which of these two numbers is the larger one, 9.9 or 9.11,   and why is it so?"
    assert title(prompt) == "Which of these two numbers is the larger one, 9.9 or 9.11,…"
