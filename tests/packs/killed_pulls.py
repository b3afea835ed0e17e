"""Pulls that are killed at their first change of the disk, the second, and so on to the last.

    python -m tests.packs.killed_pulls SPEC

After each kill the store must be right, and the next pull must complete it. Prints what it was
killed at, one line each. A process of its own, since it forks.
"""

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable

from localqwq.locations import data_directory, packs_directory
from localqwq.packs.pull import pull
from localqwq.packs.store.store import Store

CHANGES = (
    "open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate",
    "os.symlink", "shutil.rmtree",
)  # fmt: skip
"""What Python tells before it is done, if the disk may be another afterwards."""


def in_child(work: Callable[[], object]) -> int:
    """The status of a child process that does it."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_before(number: int) -> None:
    """End this process without a word before it changes the data folder for the nth time."""
    folder = str(data_directory())
    left = number

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event not in CHANGES or not str(arguments[0]).startswith(folder):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & os.O_CREAT):
            return
        left -= 1
        if left == 0:
            names = [str(one).removeprefix(folder) for one in arguments if isinstance(one, str)]
            print(event, *names, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def expect_right(*, whole: bool) -> None:
    """Nothing is installed, or all of it is and is verified."""
    store = Store(packs_directory())
    installed = store.installed()
    assert store.problems() == []
    assert len(installed) == 1 if whole else len(installed) <= 1
    assert all(check.problem is None for model in installed for check in store.verify(model.spec))
    assert not whole or [path.name for path in store.root.glob(".[!d]*")] == []
    assert not whole or list(store.root.glob(".downloads/*")) == []


def main(spec: str) -> int:
    """Kill and complete until a pull has made all its changes."""
    for number in itertools.count(1):
        shutil.rmtree(data_directory(), ignore_errors=True)

        def killed(number: int = number) -> None:
            kill_before(number)
            pull(spec)

        status = in_child(killed)
        if status == 0:
            return 0
        assert status == -signal.SIGKILL, status
        expect_right(whole=False)
        assert in_child(lambda: pull(spec)) == 0
        expect_right(whole=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
