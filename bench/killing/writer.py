"""A process that does with the store what the app does, and says so, until it is ended.

    python -m bench.killing.writer STORE SEED SECONDS

What it says are lines of JSON on stdout: a token when it is generated, everything else once it is
stored. SECONDS are between two entries of the journal. SIGTERM ends it as one leaves the app: what
cannot be stored then is in a file whose path is the last that it says.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.imported import Imported
from localqwq.conversations.turns import Attachment, Measures, Turn
from localqwq.errors import LocalqwqError

TOKEN_SECONDS = 0.002
IMPORTED_TURNS = 40


class Log:
    """Lines that are with the reader when `say` returns, whatever happens to the process.

    What is not stored yet is said when it is.
    """

    def __init__(self, is_stored: Callable[[], bool]) -> None:
        self._is_stored = is_stored
        self._waiting: list[bytes] = []

    def say(self, did: str, **facts: Any) -> None:
        """Tells what was done, and when."""
        line = json.dumps({"did": did, "time": time.monotonic(), **facts}).encode() + b"\n"
        if did == "token":
            os.write(1, line)
        else:
            self._waiting.append(line)
            if self._is_stored():
                self.say_all()

    def say_all(self) -> None:
        """Tells what has waited."""
        while self._waiting:
            os.write(1, self._waiting.pop(0))


class Person:
    """Somebody who asks, renames, deletes and searches at random."""

    def __init__(
        self, store: BufferedStore, log: Log, chance: random.Random, seconds: float
    ) -> None:
        self.is_leaving = False
        signal.signal(signal.SIGTERM, self._leave)
        self._store = store
        self._log = log
        self._chance = chance
        self._seconds = seconds
        self._name = f"{chance.randrange(10**9)}"
        self._conversation = self._begin()

    def act(self) -> None:
        """Does one thing, and has the store try again what it could not write."""
        self._store.retry()
        others = (self._rename, self._draft, self._delete, self._remove, self._import, self._look)
        if self._chance.random() < 0.6:
            self._talk()
        else:
            self._chance.choice(others)()

    def _leave(self, *_: object) -> None:
        self.is_leaving = True

    def _begin(self) -> int:
        text = f"prompt of {self._name}"
        conversation = self._store.create(text, "system", (Attachment("file", self._name),))
        self._log.say("prompt", conversation=conversation.id, turn=conversation.head, text=text)
        return conversation.id

    def _talk(self) -> None:
        if self._chance.random() < 0.2:
            self._conversation = self._begin()
        store, conversation = self._store, self._conversation
        text = f"another {self._chance.random()}"
        prompt = store.add_prompt(conversation, store.get(conversation).head, text)
        self._log.say("prompt", conversation=conversation, turn=prompt.id, text=text)
        turn = store.start_answer(conversation, prompt.id, "model").id
        self._log.say("answer", conversation=conversation, turn=turn)
        self._generate(turn, self._chance.randrange(1, 1500))

    def _generate(self, turn: int, tokens: int) -> None:
        thought, last = "", time.monotonic()
        for number in range(tokens):
            token = f"{number} "
            self._log.say("token", turn=turn, text=token)
            thought += token
            if time.monotonic() - last >= self._seconds:
                last = time.monotonic()
                self._store.append(turn, thought, "", Measures(tokens=number))
                self._log.say("kept", turn=turn, tokens=number + 1)
                thought = ""
                self._store.retry()
            if self.is_leaving:
                self._store.finish(turn, "stopped", thought, "", Measures(tokens=number))
                self._log.say("kept", turn=turn, tokens=number + 1)
                return
            time.sleep(TOKEN_SECONDS)
        self._store.finish(turn, "done", thought, f"answer {turn}", Measures(tokens=tokens))
        self._log.say("kept", turn=turn, tokens=tokens)
        self._log.say("done", turn=turn, text=f"answer {turn}")

    def _rename(self) -> None:
        title = f"title {self._chance.random()}"
        self._store.rename(self._conversation, title)
        self._store.pin(self._conversation, self._chance.random() < 0.5)
        self._log.say("title", conversation=self._conversation, text=title)

    def _draft(self) -> None:
        text = f"draft {self._chance.random()}"
        self._store.set_draft(self._conversation, text)
        self._log.say("draft", conversation=self._conversation, text=text)

    def _delete(self) -> None:
        self._store.delete(self._conversation)
        self._store.restore(self._conversation)

    def _remove(self) -> None:
        turn = self._chance.choice(list(self._store.get(self._conversation).turns))
        self._store.remove_turn(turn)
        self._store.restore_turn(turn)

    def _import(self) -> None:
        turns = tuple(
            Turn(number, number - 1 or None, "user", f"turn {number}")
            for number in range(1, IMPORTED_TURNS + 1)
        )
        imported = Imported("imported", turns, IMPORTED_TURNS, 1.0, 2.0)
        with suppress(LocalqwqError):  # imports are not put off
            self._log.say("imported", conversation=self._store.add_imported(imported))

    def _look(self) -> None:
        self._store.search(f"{self._chance.randrange(100)}")
        self._store.newest()


def main() -> None:
    """Goes on until it is killed, or told to end."""
    file, seed, seconds = sys.argv[1:]
    store = BufferedStore(Path(file))
    log = Log(lambda: store.trouble == "")
    person = Person(store, log, random.Random(seed), float(seconds))
    while not person.is_leaving:
        person.act()
    left = store.close()
    log.say_all()
    os.write(1, json.dumps({"did": "left", "time": time.monotonic(), "text": left}).encode())


if __name__ == "__main__":
    main()
