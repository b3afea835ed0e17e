"""``localqwq conversations``, ``export`` and ``import``."""

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures
from localqwq.locations import conversations_file
from tests.conversations.failing import failing_disk


@pytest.fixture
def conversation() -> int:
    """The id of a conversation in the store of this home."""
    with Store(conversations_file()) as store:
        created = store.create("How many r's?")
        assert created.head is not None
        turn = store.start_answer(created.id, created.head, "demo Q8_0")
        store.finish(turn.id, "done", "r, r, r", "There are three.\x1b[2J", Measures())
    return created.id


def test_conversations_are_listed_and_found(
    conversation: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people on lines without escape sequences, for scripts as one document."""
    assert main(["conversations"]) == 0
    assert "How many r's?" in capsys.readouterr().out
    assert main(["conversations", "thr"]) == 0
    found = capsys.readouterr().out
    assert "answer: There are [three]. [2J" in found
    assert "\x1b" not in found
    assert main(["conversations", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["conversations"]
    assert (entry["id"], entry["model"], entry["pinned"]) == (conversation, "demo Q8_0", False)
    assert main(["conversations", "--json", "many"]) == 0
    hits = json.loads(capsys.readouterr().out)["hits"]
    assert [hit["place"] for hit in hits] == ["title", "prompt"]
    assert {"text": "many", "found": True} in hits[0]["snippet"]


def test_an_empty_store_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to list and nothing to find are no errors."""
    assert main(["conversations"]) == main(["conversations", "word"]) == 0
    shown = capsys.readouterr().out
    assert "no conversations yet" in shown
    assert "Nothing was found" in shown


def test_an_export_can_be_imported(
    conversation: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through a file and back; a file that is there is not written over."""
    path = tmp_path / "export.json"
    assert main(["export", str(conversation), "--format", "json", "-o", str(path)]) == 0
    assert main(["import", str(path)]) == 0
    came = "1 conversation imported: 1 prompt, 1 answer, 1 thought\n"
    assert capsys.readouterr().out == came
    with Store(conversations_file()) as store:
        both = [store.get(summary.id) for summary in store.newest()]
    assert [each.path()[-1].thought for each in both] == ["r, r, r", "r, r, r"]
    assert main(["export", str(conversation), "-o", str(path)]) == 1
    assert "already exists" in capsys.readouterr().err


def test_what_could_not_be_stored_is_put_into_its_place(
    conversation: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file that the app has left behind; twice does no harm, another store takes none of it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with failing_disk() as disk:
        store = BufferedStore(conversations_file())
        disk.fail(0, 10**9, sqlite3.SQLITE_FULL)
        store.add_prompt(conversation, store.get(conversation).head, "And now?")
        store.close()
    [left] = tmp_path.glob("localqwq-unsaved-*.json")
    for _ in range(2):
        assert main(["import", str(left)]) == 0
        assert "1 conversation updated" in capsys.readouterr().out
    with Store(conversations_file()) as stored:
        texts = [turn.text for turn in stored.get(conversation).path()]
    assert texts == ["How many r's?", "There are three.\x1b[2J", "And now?"]
    monkeypatch.setenv("LOCALQWQ_DATA_DIR", str(tmp_path / "elsewhere"))
    assert main(["import", str(left)]) == 1
    assert "import the file where it was written" in capsys.readouterr().err


def test_an_import_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people in two lines, for scripts as counts; what a part is named like does no harm."""
    parts = ["Hi", *[{"content_type": "image_asset_pointer"}] * 2]
    content = {"content_type": "multimodal_text", "parts": parts}
    message = {"author": {"role": "user"}, "content": content}
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        chats = [{"mapping": {"a": {"message": message}}}]
        archive.writestr("conversations-000.json", json.dumps(chats))
        archive.writestr("conversations-\x1b[2J.json", "x")
    assert main(["import", str(path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1 conversation imported: 1 prompt"
    assert second.startswith("left out: 2 pictures, conversations- [2J.json, which is not JSON")
    assert main(["import", "--json", str(path)]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["imported"] == {"conversation": 1, "prompt": 1}
    assert counts["left_out"] == {"picture": 2}
    assert len(counts["conversations"]) == len(counts["problems"]) == 1


def test_all_conversations_are_exported(
    conversation: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into one file that can be imported again; either one id or all of them."""
    path = tmp_path / "all.json"
    with Store(conversations_file()) as store:
        store.create("Another")
    assert main(["export", "--all", "--format", "json", "-o", str(path)]) == 0
    assert main(["import", str(path)]) == 0
    assert "2 conversations imported: 2 prompts" in capsys.readouterr().out
    assert main(["export", "--all"]) == 0
    assert capsys.readouterr().out.count("# Another\n") == 2
    assert main(["export"]) == main(["export", "--all", str(conversation)]) == 2


def test_conversations_are_backed_up_and_put_back(
    conversation: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into a new file that is the store of another home; quoted words are still searched for."""
    copy = tmp_path / "plan"
    assert main(["conversations", "backup", str(copy)]) == 0
    assert f"{copy} holds all conversations" in capsys.readouterr().out
    assert main(["conversations", "backup", str(copy)]) == 1
    assert "already exists" in capsys.readouterr().err
    other = str(tmp_path / "other")
    assert main(["conversations", "--json", "backup", other]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == other
    assert main(["conversations", "backup plan"]) == 0
    assert "Nothing was found" in capsys.readouterr().out
    conversations_file().write_bytes(b"lost")
    copy.replace(conversations_file())
    assert main(["export", str(conversation)]) == 0
    assert "There are three." in capsys.readouterr().out


def test_an_export_goes_to_stdout(conversation: int, capsys: pytest.CaptureFixture[str]) -> None:
    """With and without thoughts."""
    assert main(["export", str(conversation)]) == 0
    assert "> r, r, r" in capsys.readouterr().out
    assert main(["export", str(conversation), "--no-thoughts"]) == 0
    assert "r, r, r" not in capsys.readouterr().out


def test_what_cannot_be_done_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown ids and files that are no exports."""
    assert main(["export", "9"]) == 1
    assert "no conversation 9" in capsys.readouterr().err
    (tmp_path / "x.json").write_text("{}")
    assert main(["import", str(tmp_path / "x.json")]) == 1
    assert "No conversation was found" in capsys.readouterr().err
