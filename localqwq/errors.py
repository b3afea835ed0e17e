"""The one exception that people are meant to read."""

from collections.abc import Iterator
from typing import Any, Self


class LocalqwqError(Exception):
    """A failure that a person can act on.

    The message is one sentence that names the thing and the way out. The command line prints it
    behind ``error:`` and exits with 1; the app shows it as it is; the server puts it into the
    body of a 4xx or 5xx answer.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is: Python would call a subclass with the message alone.

        Where that fails, a pool of processes waits for ever for the failure of its worker.
        """
        return _restored, (type(self), self.args, self.__dict__)

    @classmethod
    def _restore(cls, arguments: tuple[Any, ...], state: dict[str, Any]) -> Self:
        error = cls.__new__(cls, *arguments)
        error.__dict__.update(state)
        return error


class FileProblem(LocalqwqError):
    """What is wrong with a file. It can be told with another name, as of a file on a server."""

    def __init__(self, path: object, problem: str) -> None:
        """``problem`` goes on behind the name: ``is damaged: …``, with a full stop."""
        super().__init__(f"{path} {problem}")
        self.path = path
        self.problem = problem

    def named(self, name: object) -> Self:
        """Return the same of a file that people know by another name."""
        return type(self)(name, self.problem)


class Unsupported(FileProblem):
    """A model that this version cannot run, though its file is whole."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, the last first."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = current.__cause__ or current.__context__


def no_locks(place: object, way_out: str) -> LocalqwqError:
    """For a place on a file system without locks; ``way_out`` is what to do with such a place."""
    return LocalqwqError(
        f"{place} is on a file system without locks, as network drives often are, so that two "
        f"programs could spoil each other's work: {way_out}, or mount the drive with locks."
    )


def _restored(
    kind: type[LocalqwqError], arguments: tuple[Any, ...], state: dict[str, Any]
) -> LocalqwqError:
    return kind._restore(arguments, state)
