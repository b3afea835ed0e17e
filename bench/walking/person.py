"""Somebody who does at random what can be done with a keyboard, and remembers what was typed."""

import random
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.walking.life import Life

ESCAPE = b"\x1b[27u"
"""As terminals send it that tell it apart from the beginning of other keys."""
UP, DOWN, LEFT_BRANCH, RIGHT_BRANCH = b"\x1b[A", b"\x1b[B", b"\x1b[1;3D", b"\x1b[1;3C"
LEADER, END = b"\x18", b"\x1b[F"
F1, F2, F5, F6, F8 = b"\x1bOP", b"\x1bOQ", b"\x1b[15~", b"\x1b[17~", b"\x1b[19~"


@dataclass
class Memory:
    """What was typed, over all lives."""

    typed: set[str] = field(default_factory=set)
    """Words that have to be somewhere."""
    secret: set[str] = field(default_factory=set)
    """Those of temporary conversations, which must be nowhere."""
    words: int = 0

    def new_words(self, count: int) -> str:
        """Words that nobody has typed before."""
        self.words += count
        return " ".join(f"w{number}" for number in range(self.words - count, self.words))


class Person:
    """Drives one life of the app."""

    def __init__(self, life: Life, memory: Memory, store: Path, chance: random.Random) -> None:
        self._life = life
        self._memory = memory
        self._store = store
        self._chance = chance
        self._keep = memory.typed
        """Where what is typed now belongs; a set that nobody looks at where that is not sure."""
        self._was_temporary = False
        self._lock: sqlite3.Connection | None = None
        self._is_full = False
        self._size = 80, 24
        acts: dict[Callable[[], None], float] = {
            self._type: 34,
            self._send: 12,
            self._paste: 6,
            self._stop: 5,
            self._wait: 5,
            self._begin: 4,
            self._scroll: 3,
            self._resize: 3,
            self._break_line: 3,
            self._branch: 3,
            self._press_commands: 3,
            self._open: 2,
            self._recall: 2,
            self._visit_turns: 2,
            self._fill_disk: 2,
            self._look: 1,
            self._command: 1,
            self._hold_store: 1,
            self._begin_temporary: 0.7,
            self._sleep: 0.5,
        }
        self._acts, self._weights = list(acts), list(acts.values())

    def step(self) -> None:
        """Does one thing."""
        [act] = self._chance.choices(self._acts, self._weights)
        act()

    def leave(self) -> None:
        """Ends this life in one of several ways, and sees that it was in order."""
        way = self._chance.choice(("quit", "held", "term", "hang up", "close"))
        self._mend()
        self._settle()
        if way == "held":
            self._hold_store()
            self._type_and_see()
        if way in ("quit", "held"):
            self._life.write(b"\x11")
            self._life.end(0)
        elif way == "close":
            self._life.hang_up()
            self._life.end(128 + signal.SIGHUP)
        else:
            number = signal.SIGTERM if way == "term" else signal.SIGHUP
            self._life.send(number)
            self._life.end(128 + number)
        self._release()
        self._life.check_terminal()

    def begin(self) -> None:
        """Sees to it that there is a conversation: a list without any stays open."""
        self._type()
        self._send()
        self._life.sees("fake-model", 0)

    def give_up(self) -> None:
        """Lets go of everything."""
        self._release()
        self._life.close()
        self._life.free()

    # Words

    def _type(self) -> None:
        words = self._memory.new_words(self._chance.randrange(1, 4))
        self._life.write(f"{words} ".encode())
        self._remember(words)

    def _paste(self) -> None:
        words = self._memory.new_words(self._chance.choice((1, 5, 40)))
        self._life.write(b"\x1b[200~\x1b[31m " + words.encode() + b" \x1b[0m \x1b[201~")
        self._remember(words)

    def _remember(self, words: str) -> None:
        self._keep.update(words.split())

    def _type_and_see(self) -> bool:
        """Types a word; whether it is seen, so that all before it has been dealt with."""
        words, since = self._memory.new_words(1), len(self._life.drawn)
        self._life.write(f"{words} ".encode())
        if is_seen := self._life.sees(words, since, 10):
            self._remember(words)
        return is_seen

    def _break_line(self) -> None:
        self._life.write(b"\n")

    def _recall(self) -> None:
        """Walks through earlier prompts; what is typed then belongs to the one that is shown."""
        self._life.write(self._chance.choice((UP, DOWN)) * self._chance.randrange(1, 4) + END)

    def _send(self) -> None:
        self._life.write(b"\r")

    # Conversations

    def _begin(self) -> None:
        self._life.write(b"\x0e")
        self._keep = self._memory.typed

    def _begin_temporary(self) -> None:
        self._begin()
        if not self._type_and_see():
            return
        self._send()  # what is typed in a new one and not sent would go along
        self._keep, since = set(), len(self._life.drawn)
        self._life.write(LEADER + b"w")
        if self._life.sees("nothing of it is stored", since, 5):
            self._keep = self._memory.secret
        self._was_temporary = True

    def _open(self) -> None:
        if self._chance.random() < 0.7:
            self._list(DOWN * self._chance.randrange(3) + b"\r")
        else:
            self._list(ESCAPE)

    def _list(self, keys: bytes) -> None:
        self._life.write(b"\x0f" + keys)
        if self._was_temporary:
            self._keep = set()  # it may be the temporary one that is open now, and may not

    # Answers and turns

    def _stop(self) -> None:
        self._life.write(ESCAPE)

    def _press_commands(self) -> None:
        self._life.write(self._chance.choice((b"\x12", b"\x07", b"\x0c", b"\x14", F8)))

    def _branch(self) -> None:
        self._life.write(self._chance.choice((LEFT_BRANCH, RIGHT_BRANCH)))

    def _command(self) -> None:
        self._life.write(LEADER + self._chance.choice((b"\x7f", b"u", b"x")) + ESCAPE)

    def _visit_turns(self) -> None:
        """Goes there and looks around; a paste is for the prompt, wherever one is."""
        self._life.write(F6 + self._chance.choice((UP, DOWN)) * self._chance.randrange(4) + END)
        self._paste()

    def _look(self) -> None:
        self._life.write(self._chance.choice((F1, F2, F5)) + ESCAPE)

    # The window, the disk and the clock

    def _scroll(self) -> None:
        button = self._chance.choice((64, 65))
        self._life.write(f"\x1b[<{button};10;5M".encode() * self._chance.randrange(1, 5))

    def _resize(self) -> None:
        self._size = self._chance.choice(((80, 24), (140, 45), (40, 12), (100, 30), (60, 50)))
        self._life.resize(*self._size)

    def _wait(self) -> None:
        time.sleep(self._chance.choice((0.01, 0.05, 0.3)))

    def _sleep(self) -> None:
        """Puts the app to sleep for a moment, as a shell does."""
        process = psutil.Process(self._life.process.pid)
        self._life.send(signal.SIGTSTP)
        self._life.until(
            lambda: process.status() == psutil.STATUS_STOPPED, "the app does not sleep"
        )
        self._life.send(signal.SIGCONT)
        # Until then the terminal changes what is typed: Enter becomes a line feed.
        self._life.until(
            lambda: self._life.has_terminal, "the app does not take the terminal again"
        )

    def _fill_disk(self) -> None:
        self._is_full = not self._is_full
        self._life.fill_disk(full=self._is_full)

    def _hold_store(self) -> None:
        """Holds the store's lock for a while, as a long import does, or lets it go."""
        if self._lock is not None:
            self._release()
        elif self._store.exists():
            lock = sqlite3.connect(self._store, timeout=0, isolation_level=None)
            try:
                lock.execute("BEGIN IMMEDIATE")
                self._life.steps += 1
                self._lock = lock
            except sqlite3.OperationalError:  # the app writes just now
                lock.close()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.execute("ROLLBACK")
            self._lock.close()
            self._lock = None

    def _mend(self) -> None:
        self._release()
        if self._is_full:
            self._is_full = False
            if self._life.process.poll() is None:
                self._life.fill_disk(full=False)

    # Certainty

    def _settle(self) -> None:
        """Waits until the app has dealt with everything that was typed, and has stored it."""
        self._begin()
        words = self._memory.new_words(1)
        self._life.write(f"{words} ".encode())
        self._remember(words)
        stored = f"{words} did not become a draft"
        self._life.until(lambda: words in _drafts(self._store), stored)


def _drafts(store: Path) -> str:
    if not store.exists():
        return ""
    connection = sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)
    try:
        return " ".join(text for (text,) in connection.execute("SELECT text FROM drafts"))
    except sqlite3.OperationalError:  # it is being made
        return ""
    finally:
        connection.close()
