"""The exception whose message is written for people."""

from collections.abc import Iterator
from typing import Any, Self


class LocalqwqError(Exception):
    """A failure that a person can do something about.

    The message is one sentence that names the thing and the way out. The command line prints it
    after ``error:`` and exits with 1; the app shows it as it is; the server sends it in the body of
    a 4xx or 5xx response.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the error as it is; by default Python would call a subclass with only the message.

        If unpickling fails, a process pool waits forever for its worker's failure.
        """
        return _restored, (type(self), self.args, self.__dict__)

    @classmethod
    def _restore(cls, arguments: tuple[Any, ...], state: dict[str, Any]) -> Self:
        error = cls.__new__(cls, *arguments)
        error.__dict__.update(state)
        return error


class FileProblem(LocalqwqError):
    """A problem with a file, which can be reported under another name, such as that of a remote
    file.
    """

    def __init__(self, path: object, problem: str) -> None:
        """Create it; ``problem`` follows the name: ``is damaged: …``, with a full stop."""
        super().__init__(f"{path} {problem}")
        self.path = path
        self.problem = problem

    def named(self, name: object) -> Self:
        """Return the same problem for a file that people know by another name."""
        return type(self)(name, self.problem)


class Unsupported(FileProblem):
    """A model that this version cannot run, although its file is intact."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the latest first."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = current.__cause__ or current.__context__


def no_locks(place: object, way_out: str) -> LocalqwqError:
    """Return the error for a file system without locks; ``way_out`` says what to do."""
    return LocalqwqError(
        f"{place} is on a file system without locks, as network drives often are, so two programs "
        f"could damage each other's work: {way_out}, or mount the drive with locks."
    )


def _restored(
    kind: type[LocalqwqError], arguments: tuple[Any, ...], state: dict[str, Any]
) -> LocalqwqError:
    return kind._restore(arguments, state)
