"""Conversations out of files of other programs, and out of broken ones."""

import copy
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.conversations.exports import to_json
from localqwq.conversations.imports import read, read_file
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Conversation, Turn, siblings
from localqwq.errors import LocalqwqError


def message(role: str, text: str, **more: Any) -> dict[str, Any]:
    """A message as ChatGPT exports it."""
    content = {"content_type": "text", "parts": [text]}
    return {"author": {"role": role}, "content": content, "create_time": 10.5, **more}


def node(parent: str | None, said: dict[str, Any] | None) -> dict[str, Any]:
    """A place in ChatGPT's tree."""
    return {"parent": parent, "message": said, "children": []}


THOUGHTS = {
    "author": {"role": "assistant"},
    "content": {
        "content_type": "thoughts",
        "thoughts": [{"summary": "Counting", "content": "r, r, r"}],
    },
}
RECAP = {"author": {"role": "assistant"}, "content": {"content_type": "reasoning_recap"}}
CHATGPT: list[dict[str, Any]] = [
    {
        "title": "Letters",
        "create_time": 10.0,
        "update_time": 99.0,
        "current_node": "answer",
        "mapping": {
            "root": node(None, None),
            "system": node("root", message("system", "")),
            "asked": node("system", message("user", "How many r's?")),
            "thought": node("asked", THOUGHTS),
            "call": node("thought", message("assistant", "{}", recipient="python")),
            "result": node("call", message("tool", "3")),
            "recap": node("result", RECAP),
            "answer": node("recap", message("assistant", "3", metadata={"model_slug": "o3"})),
            "other": node("asked", message("assistant", "Two.")),
            "again": node("system", message("user", "How many s's?")),
        },
    },
    {"title": None, "mapping": {"root": node(None, None)}},
]

THOUGHT = (
    '<details type="reasoning" done="true" duration="12">\n<summary>Thought for 12 seconds'
    "</summary>\n&gt; Is 1 &lt; 2?\n&gt; \n&gt; Yes.\n</details>\n"
)
OPEN_WEBUI: list[dict[str, Any]] = [
    {
        "title": "Numbers",
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_050,
        "pinned": True,
        "chat": {
            "params": {"system": "Be short."},
            "messages": [],
            "history": {
                "currentId": "c",
                "messages": {
                    "a": {
                        "parentId": None,
                        "role": "user",
                        "content": "Is it?",
                        "files": [
                            {
                                "name": "n.txt",
                                "file": {"filename": "n.txt", "data": {"content": "1 2"}},
                            }
                        ],
                    },
                    "b": {"parentId": "a", "role": "assistant", "content": "No."},
                    "c": {
                        "parentId": "a",
                        "role": "assistant",
                        "content": THOUGHT + "It is.",
                        "model": "qwq:32b",
                        "timestamp": 1_700_000_009,
                    },
                },
            },
        },
    }
]


def test_chatgpts_tree_becomes_a_tree_of_turns() -> None:
    """Branches stay; what nobody saw goes; a thought joins its answer."""
    (imported,) = read(json.dumps(CHATGPT)).conversations
    turns = {turn.id: turn for turn in imported.turns}
    assert imported.head is not None
    head = turns[imported.head]
    assert (head.text, head.model) == ("3", "o3")
    assert head.thought == "Counting\n\nr, r, r\n\n→ python {}\n\n← 3"
    assert [turn.text for turn in siblings(turns, head.id)] == ["3", "Two."]
    assert head.parent is not None
    assert [turn.text for turn in siblings(turns, head.parent)] == [
        "How many r's?",
        "How many s's?",
    ]
    assert (imported.title, imported.created, imported.updated) == ("Letters", 10.0, 99.0)
    assert imported.turns[0].created == 10.5


def test_open_webuis_chats_become_conversations() -> None:
    """Thoughts come out of the message, files become attachments, the pin stays."""
    (imported,) = read(json.dumps(OPEN_WEBUI)).conversations
    turns = {turn.id: turn for turn in imported.turns}
    assert imported.head is not None
    head = turns[imported.head]
    assert (head.text, head.thought) == ("It is.", "Is 1 < 2?\n\nYes.")
    assert (head.model, head.measures.thought_seconds) == ("qwq:32b", 12.0)
    assert len(siblings(turns, head.id)) == 2
    assert imported.turns[0].attachments == (Attachment("n.txt", "1 2"),)
    assert (imported.system, imported.pinned) == ("Be short.", True)


def test_a_chat_without_branches_is_read_from_its_list() -> None:
    """Very old chats of Open WebUI have only that."""
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    found = read(json.dumps([{"chat": {"title": "old", "messages": messages}}]))
    (imported,) = found.conversations
    assert [(turn.parent, turn.text) for turn in imported.turns] == [(None, "a"), (1, "b")]
    assert imported.head == 2


def test_a_zip_is_searched_for_conversations(tmp_path: Path) -> None:
    """ChatGPT sends one; other zips and broken ones get a sentence."""
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("user.json", "{}")
        archive.writestr("conversations.json", json.dumps(CHATGPT))
    assert [each.title for each in read_file(path).conversations] == ["Letters"]
    path.write_bytes(path.read_bytes().replace(b"Letters", b"Lettres"))
    with pytest.raises(LocalqwqError, match="cannot be read"):
        read_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("user.json", "{}")
    with pytest.raises(LocalqwqError, match=r"without a conversations\.json"):
        read_file(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ("9" * 10_000, "not JSON"),
        ("null", "No conversation was found"),
        ("[]", "No conversation was found"),
        ('[{"mapping": {}}, 3, {"chat": {"history": {}}}]', "No conversation was found"),
        ('{"format": "localqwq conversations", "version": 2}', "newer localqwq"),
        ('{"format": "localqwq conversations"}', "conversations in it is wrong"),
    ],
)
def test_other_files_get_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """It names the file and says what it should be."""
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(LocalqwqError, match=sentence) as caught:
        read_file(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Missing files, folders and binary ones."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\xd8")
    for name, reason in (("missing", "No such file"), ("", "directory"), ("binary", "UTF-8")):
        with pytest.raises(LocalqwqError, match=reason):
            read_file(tmp_path / name)


@pytest.mark.parametrize(
    "change",
    [
        {"parent": 2},
        {"parent": 9},
        {"id": "x"},
        {"role": "system"},
        {"text": None},
        {"measures": {"tokens": -(10**30)}},
        {"measures": {"seconds": float("nan"), "rate": 1e300}},
        {"created": float("inf")},
        {"text": "\ud800 \x1b[2J\r\n"},
    ],
)
def test_our_own_form_is_checked(change: dict[str, Any]) -> None:
    """Somebody may have edited the file: a sentence, or something that can be stored."""
    turn = Turn(1, None, "user", "a")
    document = json.loads(to_json(Conversation(1, "t", head=1, turns={1: turn}), thoughts=True))
    document["conversations"][0]["turns"][0] |= change
    stored(json.dumps(document))


def test_hidden_signs_do_not_reach_the_terminal() -> None:
    """Escape sequences in a file from a stranger are taken out of all texts."""
    chat = {"role": "user", "content": "a\x1b[31mb\x9bc"}
    found = read(json.dumps([{"title": "\x1b]0;x\x07", "chat": {"messages": [chat]}}]))
    (imported,) = found.conversations
    assert imported.turns[0].text == "a[31mbc"
    assert imported.title == "]0;x"


def test_trees_of_any_depth_and_with_rings_are_read() -> None:
    """Ten thousand messages in a row of one role, and messages that follow each other in a ring."""
    row = {f"{n}": node(f"{n - 1}", message("user", "x")) for n in range(10_000)}
    ring = {"p": node("q", message("user", "p")), "q": node("p", message("user", "q"))}
    found = read(json.dumps([{"mapping": row | ring, "current_node": "p"}]))
    (imported,) = found.conversations
    assert sum(turn.text.count("x") for turn in imported.turns) == 10_000
    assert imported.head == len(imported.turns) == 100


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.just({}),
    st.just([]),
    st.just("answer"),
    st.just([{"a": None}]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([CHATGPT, OPEN_WEBUI]), st.data())
def test_any_field_may_be_anything(export: list[dict[str, Any]], data: st.DataObject) -> None:
    """A field of another type than expected leaves something out and breaks nothing."""
    document = copy.deepcopy(export)
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = document
        while True:
            keys = range(len(place)) if isinstance(place, list) else sorted(place)
            key = data.draw(st.sampled_from(list(keys)))
            deeper = isinstance(place[key], dict | list) and place[key]
            if not deeper or data.draw(st.integers(0, 4)) == 0:
                place[key] = copy.deepcopy(data.draw(JUNK))
                break
            place = place[key]
    stored(json.dumps(document))


def stored(text: str) -> None:
    """Reads the text; what comes out of it can be stored, opened and found."""
    try:
        found = read(text).conversations
    except LocalqwqError:
        return
    with Store(Path(":memory:")) as store:
        for imported in found:
            conversation = store.get(store.add_imported(imported))
            assert conversation.path()
            assert to_json(conversation, thoughts=True)
        assert len(store.newest()) == len(found)
