"""A program that is interrupted at any moment of what it does: for ``test_api_life``.

    python tests/ctrl_c.py GGUF SEED TIMES

Prints how many of the interruptions came out as ``KeyboardInterrupt``.
"""

import os
import queue
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from localqwq import LocalModel, load
from localqwq.reasoning.messages import Message

MESSAGES: list[Message] = [{"role": "user", "content": "What is 7*8?"}]
_LOST = 5.0
"""Seconds after which an interruption will not come any more."""


class Interrupted:
    """Sends Ctrl+C at a random moment, once for each time that it is told to."""

    def __init__(self, chance: random.Random) -> None:
        self.sent = 0.0
        self._chance = chance
        self._orders: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def soon(self, within: float) -> None:
        """Send one within so many seconds."""
        self.sent = 0.0
        self._orders.put(self._chance.random() * within)

    def _run(self) -> None:
        while True:
            time.sleep(self._orders.get())
            self.sent = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)

    @property
    def lost(self) -> bool:
        """Whether what was sent does not come."""
        return bool(self.sent) and time.monotonic() - self.sent > _LOST


def interruptions(sender: Interrupted, times: int, within: float, act: Callable[[], None]) -> int:
    """How many of so many came out of ``act``, which is done until one comes."""
    came = 0
    for _ in range(times):
        try:
            sender.soon(within)
            while not sender.lost:
                act()
        except KeyboardInterrupt:
            came += 1
    return came


def main() -> None:
    """Interrupt loads first, then answers that are read, broken off, closed and just begun."""
    path, seed, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    sender = Interrupted(chance)

    def load_one() -> None:
        with load(path, context=512):
            pass

    with load(path, context=512) as model:
        came = interruptions(sender, times, 0.03, lambda: ask(model, chance))
        assert list(model.chat(MESSAGES, max_tokens=3))
    loads = times // 10
    came += interruptions(sender, loads, 0.6, load_one)
    print(came, "of", times + loads)


def ask(model: LocalModel, chance: random.Random) -> None:
    """One answer, or some of it."""
    answer = model.chat(MESSAGES, max_tokens=20)
    for index, _ in enumerate(answer):
        if index == 3 and chance.random() < 0.3:
            break
        if index == 4 and chance.random() < 0.3:
            answer.close()


if __name__ == "__main__":
    main()
