"""Conversations as files."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.conversations.exports import file_name, free_path, save, to_json, to_markdown
from localqwq.conversations.imports import read
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Conversation, Measures, Turn
from localqwq.errors import LocalqwqError

LETTERS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12)

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
            created=draw(st.floats(1, 1e10)),
            note=draw(LETTERS),
            measures=Measures(draw(st.floats(0, 1e6)), tokens=draw(st.integers(0, 10**9))),
            attachments=tuple(
                Attachment(draw(LETTERS), draw(LETTERS), 3) for _ in range(draw(st.integers(0, 2)))
            ),
        )
    head = draw(st.sampled_from(list(turns)))
    return Conversation(1, "t", draw(LETTERS), head, 5.0, 6.0, draw(st.booleans()), turns=turns)


def test_markdown_reads_like_the_screen() -> None:
    """The path to the head, thoughts as quotations, attachments in fences."""
    text = to_markdown(CONVERSATION, thoughts=True)
    assert text.startswith("# How many r's?\n\n*2023-11-1")
    assert text.endswith(MARKDOWN)
    assert "Two." not in text
    assert "count" not in to_markdown(CONVERSATION, thoughts=False)


@settings(max_examples=40)
@given(conversations())
def test_json_comes_back_as_it_was(conversation: Conversation) -> None:
    """All branches of any tree survive the way out and in."""
    (imported,) = read(to_json(conversation, thoughts=True))
    assert imported.turns == tuple(conversation.turns.values())
    assert (imported.head, imported.title) == (conversation.head, "t")
    assert (imported.system, imported.pinned) == (conversation.system, conversation.pinned)
    assert (imported.created, imported.updated) == (5.0, 6.0)
    (without,) = read(to_json(conversation, thoughts=False))
    assert without.turns == tuple(replace(turn, thought="") for turn in imported.turns)


@settings(max_examples=40)
@given(conversations())
def test_an_imported_conversation_is_stored_whole(conversation: Conversation) -> None:
    """In the store, the tree has other ids and is the same otherwise."""
    (imported,) = read(to_json(conversation, thoughts=True))
    with Store(Path(":memory:")) as store:
        store.create("another")
        stored = store.get(store.add_imported(imported))
        texts = [turn.text for turn in conversation.path()]
        assert [turn.text for turn in stored.path()] == texts
        assert to_json(stored, thoughts=True).count('"parent"') == len(conversation.turns)
        ids = dict(zip(stored.turns, conversation.turns, strict=True))
        for old, turn in zip(conversation.turns.values(), stored.turns.values(), strict=True):
            parent = None if turn.parent is None else ids[turn.parent]
            assert replace(turn, id=ids[turn.id], parent=parent) == old


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    """What is there stays; a free name is found beside it."""
    path = tmp_path / file_name(CONVERSATION, "markdown")
    assert path.name == "how-many-r-s.md"
    save(path, "one")
    with pytest.raises(LocalqwqError, match="is there already"):
        save(path, "two")
    assert path.read_text() == "one"
    save(free_path(tmp_path, path.name), "two")
    assert (tmp_path / "how-many-r-s-2.md").read_text() == "two"
    with pytest.raises(LocalqwqError, match="cannot be written"):
        save(tmp_path / "no" / "where.md", "three")


@given(st.text())
def test_every_title_gives_a_plain_file_name(title: str) -> None:
    """No separators, no dots in front, never empty."""
    name = file_name(Conversation(3, title), "json")
    assert Path(name).name == name
    assert not name.startswith(".")
    assert name.endswith(".json")
    assert len(name.encode()) <= 255
