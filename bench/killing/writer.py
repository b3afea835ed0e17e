"""A process that does with the store what the app does, and says so, until it is killed.

    python -m bench.killing.writer STORE LOG SEED SECONDS

What it says are lines of JSON in LOG: a token when it is generated, everything else once the store
has returned. SECONDS are between two entries of the journal.
"""

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from localqwq.conversations.imported import Imported
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Measures, Turn

TOKEN_SECONDS = 0.002
IMPORTED_TURNS = 40


class Log:
    """Lines that are in the file when `say` returns, whatever happens to the process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, did: str, **facts: Any) -> None:
        """Tells what was done, and when."""
        line = json.dumps({"did": did, "time": time.monotonic(), **facts})
        os.write(self._file, line.encode() + b"\n")


class Person:
    """Somebody who asks, renames, deletes and searches at random."""

    def __init__(self, store: Store, log: Log, chance: random.Random, seconds: float) -> None:
        self._store = store
        self._log = log
        self._chance = chance
        self._seconds = seconds
        self._name = f"{chance.randrange(10**9)}"
        self._conversation = self._begin()

    def act(self) -> None:
        """Does one thing."""
        others = (self._rename, self._draft, self._delete, self._remove, self._import, self._look)
        if self._chance.random() < 0.6:
            self._talk()
        else:
            self._chance.choice(others)()

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
        self._log.say("imported", conversation=self._store.add_imported(imported))

    def _look(self) -> None:
        self._store.search(f"{self._chance.randrange(100)}")
        self._store.newest()


def main() -> None:
    """Goes on until it is killed."""
    store, log, seed, seconds = sys.argv[1:]
    person = Person(Store(Path(store)), Log(Path(log)), random.Random(seed), float(seconds))
    while True:
        person.act()


if __name__ == "__main__":
    main()
