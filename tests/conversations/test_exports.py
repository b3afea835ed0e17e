"""Conversations as files."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.conversations.exports import (
    export,
    file_name,
    free_path,
    save,
    to_json,
    to_markdown,
)
from localqwq.conversations.imports import read, read_file
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Conversation, Measures, Turn
from localqwq.errors import LocalqwqError

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["a\r\nb\rc", "\x1b[2J\0\x9b", " \n", "\ufeff\u2028"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | LETTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS, inner, max_size=3),
    max_leaves=5,
)

CONVERSATION = Conversation(
    7,
    "How many r's?",
    "Be short.",
    3,
    1_700_000_000.0,
    1_700_000_100.0,
    turns={
        1: Turn(1, None, "user", "How many?", attachments=(Attachment("a.txt", "r r r"),)),
        2: Turn(2, 1, "assistant", "Two.", model="demo Q8_0"),
        3: Turn(
            3,
            1,
            "assistant",
            "Three.",
            "Let me count.\n\n# 1, 2, 3",
            model="qwq-32b Q4_K_M",
            status="stopped",
            note="Stopped.",
            measures=Measures(thought_seconds=42.2, thought_tokens=1310),
        ),
    },
)

MARKDOWN = """\
## System

Be short.

## You

**a.txt**

```
r r r
```

How many?

## qwq-32b Q4_K_M

> **Thought for 42 s, 1,310 tokens**
>
> Let me count.
>
> # 1, 2, 3

Three.

*Stopped.*
"""


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Trees of turns with everything that a turn can have."""
    turns: dict[int, Turn] = {}
    for number in range(1, draw(st.integers(1, 4)) + 1):
        turns[number] = Turn(
            number,
            draw(st.sampled_from([None, *turns])),
            draw(st.sampled_from(["user", "assistant"])),
            draw(LETTERS),
            draw(LETTERS),
            draw(st.sampled_from(["done", "stopped", "lost"])),
            draw(LETTERS),
            created=draw(st.floats(1, 1e10)),
            note=draw(LETTERS),
            measures=Measures(
                draw(st.floats(0, 1e6)),
                draw(st.floats(0, 1e6)),
                tokens=draw(st.integers(0, 10**9)),
                context_tokens=draw(st.integers(0, 10**9)),
                rate=draw(st.floats(0, 1e6)),
            ),
            attachments=tuple(
                Attachment(draw(LETTERS), draw(LETTERS), 3) for _ in range(draw(st.integers(0, 2)))
            ),
        )
    return Conversation(
        1,
        draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=300)),
        draw(LETTERS),
        draw(st.sampled_from([None, *turns])),
        5.25,
        draw(st.floats(6, 1e10)),
        draw(st.booleans()),
        draw(st.dictionaries(LETTERS, VALUES, max_size=3)),
        turns,
    )


def test_markdown_reads_like_the_screen() -> None:
    """The path to the head, thoughts as quotations, attachments in fences."""
    text = to_markdown(CONVERSATION, thoughts=True)
    assert text.startswith("# How many r's?\n\n*2023-11-1")
    assert text.endswith(MARKDOWN)
    assert "Two." not in text
    assert "count" not in to_markdown(CONVERSATION, thoughts=False)


def test_markdown_has_prompts_that_were_not_answered() -> None:
    """The app shows them as drafts; one that was sent again is there once."""
    asked = Turn(1, None, "user", "How many?", attachments=(Attachment("a.txt", "r r r"),))
    only = replace(CONVERSATION, system="", head=None, turns={1: asked})
    ending = "\n\n## You (not answered)\n\n**a.txt**\n\n```\nr r r\n```\n\nHow many?\n"
    assert to_markdown(only, thoughts=True).endswith(ending)
    again = {**CONVERSATION.turns, 4: Turn(4, 3, "user", "And now?"), 5: replace(asked, id=5)}
    text = to_markdown(replace(CONVERSATION, turns=again), thoughts=True)
    assert text.endswith("*Stopped.*\n\n## You (not answered)\n\nAnd now?\n")
    assert text.count("How many?") == 1
    awaiting = to_markdown(replace(CONVERSATION, turns=again, head=4), thoughts=True)
    assert awaiting.endswith("*Stopped.*\n\n## You\n\nAnd now?\n")
    twice = {1: asked, 2: replace(asked, id=2)}
    assert to_markdown(replace(only, turns=twice), thoughts=True).endswith(ending)
    assert to_markdown(replace(only, turns=twice), thoughts=True).count("How many?") == 1


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(conversations())
def test_no_word_of_a_person_is_missing_in_markdown(conversation: Conversation) -> None:
    """Every prompt on the path or without an answer is there."""
    text = to_markdown(conversation, thoughts=False)
    followed = {turn.parent for turn in conversation.turns.values()}
    for turn in conversation.turns.values():
        if turn.role == "user" and (turn.id not in followed or turn in conversation.path()):
            assert turn.text in text


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(conversations())
def test_our_own_file_comes_back_equal(conversation: Conversation) -> None:
    """Through a file and another store, all is as it was but for the ids."""
    text = "".join(export([conversation], "json", thoughts=True))
    reading = read(text.encode().decode())
    (imported,) = reading.conversations
    with Store(Path(":memory:")) as store:
        store.create("another")
        stored = store.get(store.add_imported(imported))
    ids: dict[int | None, int | None] = {None: None}
    ids |= dict(zip(stored.turns, conversation.turns, strict=True))
    turns = [
        replace(turn, id=number, parent=ids[turn.parent])
        for number, turn in zip(conversation.turns, stored.turns.values(), strict=True)
    ]
    back = replace(stored, id=1, head=ids[stored.head], turns={turn.id: turn for turn in turns})
    assert back == conversation
    assert not reading.tally.left_out


@settings(max_examples=20)
@given(conversations())
def test_thoughts_can_be_left_out_of_a_file(conversation: Conversation) -> None:
    """And nothing else is."""
    (without,) = read(to_json(conversation, thoughts=False)).conversations
    assert without.turns == tuple(replace(turn, thought="") for turn in conversation.turns.values())


def test_all_conversations_are_one_file(tmp_path: Path) -> None:
    """The oldest first, those that were deleted not."""
    with Store(tmp_path / "store.sqlite") as store:
        numbers = [store.create(f"question {number}").id for number in range(3)]
        store.delete(numbers[1])
        path = tmp_path / "all.json"
        save(path, export(store.all(), "json", thoughts=True))
        text = "".join(export(store.all(), "markdown", thoughts=True))
    assert [each.title for each in read_file(path).conversations] == ["question 0", "question 2"]
    assert [line for line in text.splitlines() if line.startswith("# ")] == [
        "# question 0",
        "# question 2",
    ]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    """What is there stays; a free name is found beside it."""
    path = tmp_path / file_name(CONVERSATION, "markdown")
    assert path.name == "how-many-r-s.md"
    save(path, ["o", "ne"])
    with pytest.raises(LocalqwqError, match="already exists"):
        save(path, ["two"])
    assert path.read_text() == "one"
    save(free_path(tmp_path, path.name), ["two"])
    assert (tmp_path / "how-many-r-s-2.md").read_text() == "two"
    with pytest.raises(LocalqwqError, match="cannot be written"):
        save(tmp_path / "no" / "where.md", ["three"])


@given(st.text())
def test_every_title_gives_a_plain_file_name(title: str) -> None:
    """No separators, no dots in front, never empty."""
    name = file_name(Conversation(3, title), "json")
    assert Path(name).name == name
    assert not name.startswith(".")
    assert name.endswith(".json")
    assert len(name.encode()) <= 255


def test_opened_folders_stay_on_this_machine() -> None:
    """A file has none, and one from elsewhere opens none."""
    own = {"agent.tools": ["read_file"], "agent.folders": ["/home/me/notes:rw"]}
    conversation = Conversation(1, "Notes", settings=own, turns={1: Turn(1, None, "user", "Hi")})
    text = to_json(conversation, thoughts=True)
    assert "notes" not in text
    crafted = text.replace('"agent.tools"', '"agent.folders": ["/etc"], "agent.tools"')
    [imported] = read(crafted).conversations
    assert imported.settings == {"agent.tools": ["read_file"]}
