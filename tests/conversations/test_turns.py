"""The tree of turns."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from localqwq.conversations.turns import (
    TITLE_LENGTH,
    Attachment,
    Conversation,
    Turn,
    answered,
    fenced,
    leaf,
    messages,
    path,
    prompts,
    siblings,
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


@given(trees(), st.data())
def test_a_branch_is_walked_to_its_newest_end(turns: dict[int, Turn], data: st.DataObject) -> None:
    """The end is behind the turn, has nothing behind it, and is reached by the newest steps."""
    turn = data.draw(st.sampled_from(list(turns)))
    end = leaf(turns, turn)
    steps = path(turns, end)
    assert turns[turn] in steps
    assert not any(other.parent == end for other in turns.values())
    for step in steps[steps.index(turns[turn]) + 1 :]:
        assert step == siblings(turns, step.id)[-1]


@given(trees(), st.data())
def test_siblings_share_a_parent(turns: dict[int, Turn], data: st.DataObject) -> None:
    """All turns behind one parent are siblings, oldest first; so are the roots."""
    turn = data.draw(st.sampled_from(list(turns)))
    beside = siblings(turns, turn)
    assert turns[turn] in beside
    assert [other.id for other in beside] == sorted(
        other.id for other in turns.values() if other.parent == turns[turn].parent
    )


@given(trees(), st.data())
def test_branches_are_numbered_among_their_siblings(
    turns: dict[int, Turn], data: st.DataObject
) -> None:
    """From the oldest on; the last fork is the one nearest to the head."""
    head = data.draw(st.sampled_from(list(turns)))
    conversation = Conversation(1, head=head, turns=turns)
    left = answered(turns, head)
    families = {number: [one.id for one in siblings(left, number)] for number in left}
    assert conversation.branches == {
        number: (family.index(number) + 1, len(family))
        for number, family in families.items()
        if len(family) > 1
    }
    forks = [turn for turn in conversation.path() if len(families[turn.id]) > 1]
    assert conversation.fork == (forks[-1] if forks else None)


@given(trees(), st.data())
def test_a_conversation_grows_by_a_turn(turns: dict[int, Turn], data: st.DataObject) -> None:
    """It stands there then, whether the turn is new or was there before."""
    parent = data.draw(st.sampled_from(list(turns)))
    before = Conversation(1, head=parent, updated=1.0, turns=turns)
    steps = before.path()
    new = Turn(max(turns) + 1, parent, "user", "Go on", created=2.0)
    after = before.grown(new)
    assert after.path() == (*steps, new)
    assert after.updated == 2.0
    ended = replace(new, text="Go on!")
    assert after.grown(ended).path() == (*steps, ended)
    assert before.path() == steps


@given(trees(), st.data())
def test_prompts_that_nobody_answered_are_no_branches(
    turns: dict[int, Turn], data: st.DataObject
) -> None:
    """All other turns are; so is the head, whose answer may be on its way."""
    head = data.draw(st.sampled_from([None, *turns]))
    left = answered(turns, head)
    parents = {turn.parent for turn in turns.values()}
    assert all(turns[number].role == "user" and number != head for number in turns.keys() - left)
    assert all(turn.role == "assistant" or turn.id in {head, *parents} for turn in left.values())
    assert path(left, head) == path(turns, head)


@given(trees(), st.data())
def test_kept_thoughts_are_sent_beside_their_answers(
    turns: dict[int, Turn], data: st.DataObject
) -> None:
    """Every thought of the path is read when that is asked for."""
    steps = path(turns, data.draw(st.sampled_from(list(turns))))
    written = messages(steps, keep_thoughts=True)
    assert [m["reasoning_content"] for m in written if "reasoning_content" in m] == [
        turn.thought for turn in steps if turn.thought
    ]


def test_the_model_reads_attachments_before_the_prompt() -> None:
    """Each file stands in a fence of its own under its name."""
    files = (Attachment("a.txt", "A"), Attachment("b.md", "```\nB\n```"))
    turn = Turn(1, None, "user", "Compare.", attachments=files)
    (message,) = messages([turn])
    assert message["content"] == (
        "a.txt:\n\n```\nA\n```\n\nb.md:\n\n````\n```\nB\n```\n````\n\nCompare."
    )


@given(st.text("`a\n"))
def test_nothing_ends_a_fence_from_within(text: str) -> None:
    """The fence is longer than any run of backticks in it."""
    fence = fenced(text).splitlines()[0]
    assert set(fence) == {"`"}
    assert fence not in text
