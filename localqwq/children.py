"""Child processes that end with their parent, however that ends, and even if they are stopped.

A pipe closes when the process at its other end is gone: a child that has one as its stdin notices,
but not while it is stopped (``SIGSTOP``, Ctrl+Z). So Linux is asked to wake it then. It could kill
it as well, but asks after the *thread* that started the child, and threads end early: waking up
does no harm. Elsewhere the system hangs up on stopped processes whose group has nobody left, which
is why each child has a group of its own; that also keeps the terminal's Ctrl+C from them.

    python -m localqwq.children MODULE ARGUMENT …

runs a module like ``python -m MODULE ARGUMENT …``, until stdin closes.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

OWN_GROUP = 0
"""For ``process_group`` of ``subprocess``."""
_PR_SET_PDEATHSIG = 1


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules with a :func:`lifeline` as its stdin."""
    return [sys.executable, "-P", "-m", "localqwq.children", module, *arguments]


@contextmanager
def lifeline() -> Iterator[int]:
    """A descriptor for the stdin of a child: it closes with the block, or with this process."""
    ours, theirs = os.pipe()[::-1]
    try:
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)


def run(
    words: list[str], *, timeout: float, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a :func:`command` to its end, and take in what it says.

    Raises ``subprocess.TimeoutExpired`` after so many seconds, and OSError where it cannot be
    started.
    """
    with lifeline() as stdin:
        return subprocess.run(
            words,
            stdin=stdin,
            capture_output=True,
            timeout=timeout,
            env=env,
            process_group=OWN_GROUP,
            check=False,
        )


def wake_with_parent() -> None:
    """Have this process go on when its parent ends, should it be stopped then. Linux only."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def _end_with_stdin() -> None:
    import threading

    def wait() -> None:
        while os.read(0, 1 << 12):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def _main() -> None:
    import runpy

    wake_with_parent()
    _end_with_stdin()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
