"""What must be in the store after a life of the app."""

import re
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.killing.judge import check_file
from bench.walking.endpoint import Sent
from bench.walking.life import BrokenPromise
from bench.walking.person import Memory
from localqwq.conversations import unsaved
from localqwq.conversations.store import Store

_WORD = re.compile(r"w\d+")
_NUMBERED = re.compile(r"([ta]\d+)\.(\d+) ")
LATE_S = 5.0
"""What went out so long before an answer was stopped has been read by then."""


@dataclass(frozen=True)
class Stored:
    """A turn."""

    status: str
    thought: str
    text: str


def put_into_place(folder: Path, store: Path) -> int:
    """Adds what the app left elsewhere; returns how many files that were."""
    found = sorted(folder.glob("localqwq-unsaved-*.json"))
    for path in found:
        changes = unsaved.read_file(path)
        assert changes is not None
        with Store(store) as written:
            unsaved.add(changes, written)
        path.unlink()
    return len(found)


def check(store: Path, memory: Memory, answers: Sequence[Sent]) -> None:
    """Raises BrokenPromise where a word is missing, or is where it must not be."""
    check_file(store)
    with sqlite3.connect(store) as connection:
        turns = [
            Stored(*row) for row in connection.execute("SELECT status, thought, text FROM turns")
        ]
        others = connection.execute(
            "SELECT text FROM attachments UNION ALL SELECT text FROM drafts"
            " UNION ALL SELECT attachments FROM drafts"
        ).fetchall()
    if any(turn.status == "running" for turn in turns):
        raise BrokenPromise("an answer has not ended")
    everything = "\n".join([*(turn.text for turn in turns), *(text for (text,) in others)])
    there = set(_WORD.findall(everything))
    if missing := memory.typed - there:
        raise BrokenPromise(f"what was typed is nowhere: {_listed(missing)}")
    if stored := memory.secret & there:
        raise BrokenPromise(f"of a temporary conversation is stored: {_listed(stored)}")
    for turn in turns:
        _check_holes(turn.thought)
        _check_holes(turn.text)
    for sent in answers:
        asked = _asked(sent)
        if not asked.strip():
            raise BrokenPromise(f"request {sent.number} asks nothing")
        if set(_WORD.findall(asked)) <= memory.typed:  # not in a temporary conversation
            _check_answer(sent, turns)


def _listed(words: set[str]) -> str:
    return " ".join(sorted(words, key=lambda word: int(word[1:])))


def _asked(sent: Sent) -> str:
    prompts = [one["content"] for one in sent.messages if one["role"] == "user"]
    return str(prompts[-1]) if prompts else ""


def _check_answer(sent: Sent, turns: Sequence[Stored]) -> None:
    """It is stored whole, or, where it was stopped, as far as it had come a while before."""
    # The endpoint may still be writing to an app that has ended.
    until = min(sent.ended, time.monotonic()) - LATE_S
    parts = [(sent.text(part), sent.text(part, until)) for part in ("thought", "answer")]
    for turn in turns:
        stored = f"{turn.thought} ", f"{turn.text} "
        whole = all(all_of_it in text for (all_of_it, _), text in zip(parts, stored, strict=True))
        early = all(begun in text for (_, begun), text in zip(parts, stored, strict=True))
        if whole or (early and (turn.status == "stopped" or not sent.is_whole)):
            return
    raise BrokenPromise(f"answer {sent.number} is not stored as it went out")


def _check_holes(text: str) -> None:
    """Numbered words follow each other, each answer from its beginning."""
    last: tuple[str, int] | None = None
    for match in _NUMBERED.finditer(text):
        name, number = match[1], int(match[2])
        expected = last[1] + 1 if last is not None and last[0] == name else 0
        if number != expected:
            raise BrokenPromise(f"{name}.{number} comes where {name}.{expected} should be")
        last = name, number
