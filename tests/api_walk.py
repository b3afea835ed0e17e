"""A program that does anything with models of the Python API, at any time: for ``test_api_life``.

    python tests/api_walk.py GGUF SEED STEPS

Threads read, close and drop answers of models that are closed and dropped meanwhile, processes are
forked, and Ctrl+C comes at any moment. What the API may raise then is ``LocalqwqError`` and
``KeyboardInterrupt``. Prints what was done, and ends while some of it is still going on.
"""

import contextlib
import faulthandler
import gc
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from localqwq import LocalModel, LocalqwqError
from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions

TEXTS = ("Hi", "What is 7*8?", "Which is larger, 9.9 or 9.11?", "word " * 150)
WRONG: tuple[Any, ...] = ("Hi", [], None, [{"role": "nobody"}], [{"role": "user", "content": 3}])
_MOST_MODELS = 2
_SECONDS, _CHILD_SECONDS = 100, 20
"""After which it hangs."""


class Walk:
    """The models and answers that are there, whatever their state, and what was done with them."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.chance = random.Random(seed)
        self.models: list[LocalModel] = []
        self.answers: list[Generator[Any, None, None]] = []
        self.threads: list[threading.Thread] = []
        self.done: Counter[str] = Counter()
        self.interruptible = False

    def step(self) -> None:
        """One thing, in the main thread or another."""
        if (len(self.models) < _MOST_MODELS and self.chance.random() < 0.3) or not self.models:
            self.models.append(self.loaded())
        often = [self.begin] * 8 + [self.read] * 12 + [self.end_answer, self.drop_answer] * 3
        seldom = [self.close, self.drop_model, self.ask_wrongly, self.fork, self.look]
        act = self.chance.choice(often + seldom)
        if act is not self.fork and self.chance.random() < 0.4:
            thread = threading.Thread(target=self.tried, args=(act,), daemon=True)
            self.threads.append(thread)
            thread.start()
        else:
            self.tried(act)

    def tried(self, act: Callable[[], None]) -> None:
        """Do it; whatever else it raises ends the program with a traceback."""
        try:
            act()
            self.done[act.__name__] += 1
        except LocalqwqError:
            self.done["refused"] += 1
        except ValueError as error:  # Python's own, for two threads in one generator
            assert "generator already executing" in str(error)

    def go(self, steps: int) -> None:
        """So many steps, each of which may be interrupted once."""
        for _ in range(steps):
            try:
                self.interruptible = True
                self.step()
                self.interruptible = False
            except KeyboardInterrupt:
                self.done["interrupted"] += 1

    def interrupt(self, *_: object) -> None:
        """What Ctrl+C does."""
        if self.interruptible:
            self.interruptible = False
            raise KeyboardInterrupt

    def loaded(self) -> LocalModel:
        """Another model."""

        def load(on_progress: Callable[[float], None]) -> Engine:
            return Engine.load(
                self.path, LoadOptions(context=512, threads=1, parallel=2), on_progress=on_progress
            )

        return LocalModel("walked", load)

    def begin(self) -> None:
        """Ask for an answer, and read some of it or nothing."""
        model = self.chance.choice(self.models)
        content = self.chance.choice(TEXTS)
        answer = model.chat(
            [{"role": "user", "content": content}], max_tokens=self.chance.choice((0, 3, 200))
        )
        self.answers.append(answer)
        self.read_from(answer, self.chance.randrange(4))

    def read(self) -> None:
        """Go on with an answer, often to its end."""
        if self.answers:
            answer = self.chance.choice(self.answers)
            self.read_from(answer, self.chance.choice((1, 5, 1000)))

    def read_from(self, answer: Generator[Any, None, None], count: int) -> None:
        """So many events."""
        for _ in range(count):
            if next(answer, None) is None:
                return

    def end_answer(self) -> None:
        """Close a generator."""
        if self.answers:
            self.chance.choice(self.answers).close()

    def drop_answer(self) -> None:
        """Forget one."""
        if self.answers:
            self.answers.pop(self.chance.randrange(len(self.answers)))

    def close(self) -> None:
        """Close a model, and leave it where it is."""
        self.chance.choice(self.models).close()

    def drop_model(self) -> None:
        """Forget a model, closed or not."""
        if self.models:
            self.models.pop(self.chance.randrange(len(self.models)))
        if self.chance.random() < 0.5:
            gc.collect()

    def ask_wrongly(self) -> None:
        """What no template may see."""
        model = self.chance.choice(self.models)
        model.chat(self.chance.choice(WRONG))
        raise AssertionError("it was not refused")

    def look(self) -> None:
        """At what needs no answer."""
        model = self.chance.choice(self.models)
        assert model.context == 512 or model.closed

    def fork(self) -> None:
        """Use everything in a process that was forked: nothing of it works, and nothing hangs."""
        child = os.fork()
        if child == 0:
            signal.alarm(_CHILD_SECONDS)
            for answer in self.answers:
                with contextlib.suppress(LocalqwqError, StopIteration, ValueError):
                    next(answer)
            for model in self.models:
                assert model.closed
                model.close()
            self.models.clear()
            self.answers.clear()
            gc.collect()
            if self.chance.random() < 0.5:
                os._exit(0)
            sys.exit(0)
        assert ending(child) == 0


def ending(child: int) -> int:
    """A child's exit status or signal, whatever comes meanwhile."""
    while True:
        try:
            found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
            assert found is not None
            return found.si_status
        except KeyboardInterrupt:
            continue


def main() -> int:
    """Walk."""
    faulthandler.enable()
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(_SECONDS)
    warnings.simplefilter("ignore", ResourceWarning)
    path, seed, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    walk = Walk(path, seed)
    signal.signal(signal.SIGINT, walk.interrupt)
    chance = random.Random(seed)

    def interrupt() -> None:
        while True:
            time.sleep(chance.random() * 0.3)
            os.kill(os.getpid(), signal.SIGINT)

    failures: list[object] = []

    def unraisable(found: Any) -> None:
        # Whatever Python runs as it frees something loses Ctrl+C.
        if found.exc_type is not KeyboardInterrupt:
            failures.append(found)

    threading.excepthook = failures.append
    sys.unraisablehook = unraisable
    threading.Thread(target=interrupt, daemon=True).start()
    walk.go(steps)
    print(dict(walk.done), f"{len(walk.models)} models, {len(walk.answers)} answers")
    print(*failures, sep="\n", file=sys.stderr, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
