"""What must be in the store after a writer was killed."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.killing.writer import IMPORTED_TURNS
from localqwq.conversations.reading import UnknownConversationError
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Turn

Line = dict[str, Any]


class BrokenPromise(AssertionError):
    """Something that was said to be stored is not there, or something else is wrong."""


def judge(store_file: Path, said: Sequence[Line], ended: float) -> float:
    """Checks what a writer had said when it was `ended`, a moment of the monotonic clock.

    Returns the seconds of tokens that are missing; raises BrokenPromise.
    """
    begun = {line["turn"] for line in said if line["did"] == "answer"}
    lines = [line for line in said if line["did"] != "token" or line["turn"] in begun]
    with Store(store_file) as store:
        lost = 0.0
        turns = _conversations(store, lines)
        tokens, kept = _tokens(lines)
        for turn, generated in tokens.items():
            lost = max(lost, _missing(turns[turn], generated, kept[turn], ended))
        for line in lines:
            _check(store, turns, line)
        _titles_and_drafts(store, lines)
        return lost


def check_file(store_file: Path) -> None:
    """The file is sound, and so are the indexes of words."""
    with sqlite3.connect(store_file) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        _expect(found == [("ok",)], f"the file is damaged: {found}")
        for table in ("turn_words", "title_words"):  # raises if an index is out of step
            connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)")


def _conversations(store: Store, lines: list[Line]) -> dict[int, Turn]:
    """All turns of the conversations that were spoken of; their paths are whole."""
    turns: dict[int, Turn] = {}
    for number in {line["conversation"] for line in lines if "conversation" in line}:
        try:
            conversation = store.get(number)
        except UnknownConversationError:
            store.restore(number)  # killed between deleting and restoring
            conversation = store.get(number)
        conversation.path()
        turns |= conversation.turns
        for line in lines:
            removed = line.get("conversation") == number and line.get("turn") not in turns
            if "turn" in line and removed:  # killed between removing and restoring
                store.restore_turn(line["turn"])
        turns |= store.get(number).turns
    return turns


def _tokens(lines: list[Line]) -> tuple[dict[int, list[Line]], dict[int, int]]:
    generated: defaultdict[int, list[Line]] = defaultdict(list)
    kept: defaultdict[int, int] = defaultdict(int)
    for line in lines:
        if line["did"] == "token":
            generated[line["turn"]].append(line)
        elif line["did"] == "kept":
            kept[line["turn"]] = line["tokens"]
    return generated, kept


def _missing(turn: Turn, generated: list[Line], kept: int, ended: float) -> float:
    """Seconds from the first token that is missing to the end."""
    texts = [token["text"] for token in generated]
    stored = turn.thought
    _expect("".join(texts).startswith(stored), f"turn {turn.id} has other words than were said")
    _expect(stored.startswith("".join(texts[:kept])), f"turn {turn.id} lacks words of its journal")
    _expect(turn.status != "running", f"turn {turn.id} is still running")
    there = stored.count(" ")
    return ended - generated[there]["time"] if there < len(generated) else 0.0


def _check(store: Store, turns: dict[int, Turn], line: Line) -> None:
    match line["did"]:
        case "prompt":
            stored = turns[line["turn"]]
            _expect(stored.text == line["text"], f"prompt {stored.id} is not what was typed")
        case "done":
            stored = turns[line["turn"]]
            _expect(stored.text == line["text"], f"answer {stored.id} is not what was said")
        case "imported":
            whole = len(store.get(line["conversation"]).path()) == IMPORTED_TURNS
            _expect(whole, "an import is not whole")


def _titles_and_drafts(store: Store, lines: list[Line]) -> None:
    """The last ones are there, or those on their way when the writer was killed."""
    for conversation, title in _last(lines, "title"):
        stored = store.get(conversation).title
        _expect(stored.startswith("title "), f"“{title}” became “{stored}”")
    for conversation, draft in _last(lines, "draft"):
        stored = store.draft(conversation).text
        _expect(stored.startswith("draft "), f"“{draft}” became “{stored}”")


def _last(lines: list[Line], did: str) -> Iterator[tuple[int, str]]:
    found = {line["conversation"]: line["text"] for line in lines if line["did"] == did}
    yield from found.items()


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BrokenPromise(otherwise)
