"""The end of a program that was interrupted."""

INTERRUPTED = 130
"""Exit code, as a shell reports an end by SIGINT."""


def interrupted() -> int:
    """Return the exit code once a ``KeyboardInterrupt`` has been handled.

    CPython takes one that has left code compiled from a string, such as that of each dataclass, for
    unhandled, and ends the process by SIGINT whatever its exit code is. Further code of this kind
    makes it forget that.
    """
    exec("pass")
    return INTERRUPTED
