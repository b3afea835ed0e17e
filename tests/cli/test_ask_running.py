"""``localqwq ask`` while the running server that answers it ends."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from localqwq.locations import packs_directory
from localqwq.packs.store.store import Store
from tests.all_models import serving


@contextmanager
def asking(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The command as it runs."""
    command = [sys.executable, "-m", "localqwq", "ask", "Hello", "-m", "second", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_nothing_was_seen_of_the_answer(demo_gguf: Path) -> None:
    """Then the model is loaded here, and the person is told."""
    for name in ("first", "second"):
        Store(packs_directory()).add(demo_gguf, name=name)
    with serving("default") as server:
        server.answering("second")
        (engine,) = server.engines()
        engine.suspend()
        try:
            with asking("--temperature", "0", "--max-tokens", "20") as command:
                while not server.requests():
                    pass
                server.kill()
                engine.resume()
                out, said = command.communicate(timeout=120)
        finally:
            with suppress(psutil.NoSuchProcess):  # it has ended with its server
                engine.kill()
    assert command.returncode == 0, said
    assert said.startswith("The running server has ended, so the model is loaded here.\n")
    assert (out + said).count("\n") > 1


def test_a_part_of_the_answer_was_seen(rambler: Path) -> None:
    """It stays, and one sentence says why there is no more."""
    for name in ("first", "second"):
        Store(packs_directory()).add(rambler, name=name)
    with serving("default", "--ctx", "16384") as server, asking() as command:
        assert command.stderr is not None
        begun = command.stderr.read(8)
        server.kill()
        _, rest = command.communicate(timeout=120)
    assert begun
    assert command.returncode == 1
    assert rest.splitlines()[-1] == (
        "error: The running server ended before the answer was complete: ask again."
    )
