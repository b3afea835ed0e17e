"""Texts and chats that people give."""

import json
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.quality.prompts import CALIBRATION, MEASURING
from localqwq.quality.texts import EVERY, divided, finished, read_chats, read_text
from tests.quality_text import chats


def test_a_newline_at_the_end_is_dropped(tmp_path: Path) -> None:
    """One of them, as llama.cpp does."""
    file = tmp_path / "text.txt"
    file.write_text("a\n\n")
    assert read_text(file) == "a\n"


@pytest.mark.parametrize("form", ["list", "objects", "lines", "one"])
def test_forms_of_chats(tmp_path: Path, form: str) -> None:
    """Lists of messages, objects with messages, and one of them a line."""
    some = chats(1 if form == "one" else 3)
    objects = [{"messages": chat, "id": index} for index, chat in enumerate(some)]
    texts = {
        "list": json.dumps(some),
        "objects": json.dumps(objects),
        "lines": "\n".join(map(json.dumps, objects)),
        "one": json.dumps(some[0]),
    }
    file = tmp_path / "chats.json"
    file.write_text(texts[form])
    assert read_chats(file) == some


def test_an_export_of_our_own(tmp_path: Path) -> None:
    """What `localqwq export` writes, with its thoughts."""
    turns = [
        {"id": 1, "parent": None, "role": "user", "text": "Hello"},
        {"id": 2, "parent": 1, "role": "assistant", "text": "Hi", "thought": "Greet."},
    ]
    entry = {"title": "t", "head": 2, "created": 1.0, "updated": 1.0, "turns": turns}
    file = tmp_path / "export.json"
    file.write_text(
        json.dumps({"format": "localqwq conversations", "version": 1, "conversations": [entry]})
    )
    (chat,) = read_chats(file)
    assert finished(chat)[-1]["content"] == "<think>\nGreet.\n</think>\n\nHi"


@pytest.mark.parametrize("content", ["", "[]", "not JSON", "[1, 2]", '[{"role": "user"}]'])
def test_no_chats(tmp_path: Path, content: str) -> None:
    """One sentence."""
    file = tmp_path / "chats.json"
    file.write_text(content)
    with pytest.raises(LocalqwqError, match=r"chats\.json"):
        read_chats(file)


def test_held_out_chats_serve_for_measuring_alone() -> None:
    """One in ten; every chat is in one of the two parts."""
    some = chats(EVERY * 2 + 3)
    kept, held = (divided(some, held_out=one) for one in (False, True))
    assert len(held) == 2
    assert sorted(map(str, kept + held)) == sorted(map(str, some))
    with pytest.raises(LocalqwqError, match="use more"):
        divided(some[:3], held_out=True)


def test_no_prompt_serves_both_purposes() -> None:
    """Otherwise a matrix would be measured on what it was made from."""
    assert not set(CALIBRATION) & set(MEASURING)
    assert len(set(CALIBRATION)) == len(CALIBRATION)
