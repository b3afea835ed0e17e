"""The lifetime of a model in this process, and who may still use it."""

import os

from localqwq.errors import LocalqwqError


class Life:
    """The state that every call checks, from any thread.

    It changes in one direction only: the first end counts, and is final. Only single attributes are
    read and written, without a lock, so that a signal or the garbage collector may interrupt
    anywhere.
    """

    def __init__(self, name: str) -> None:
        """Begin now, in this process; ``name`` is the model's name in messages."""
        self.name = name
        self._process = os.getpid()
        self._end: tuple[str, BaseException | None] | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._end is not None

    @property
    def foreign(self) -> bool:
        """Whether this is a forked copy, which lacks the model's threads."""
        return os.getpid() != self._process

    def end(self, why: str, cause: BaseException | None = None) -> None:
        """End it; ``why`` is the error message for later uses."""
        if self._end is None:
            self._end = why, cause

    def refusal(self) -> LocalqwqError | None:
        """Return why the model cannot be used here and now; None if it can."""
        if self.foreign:
            return LocalqwqError(
                f"The model {self.name} was loaded in process {self._process} and cannot be used "
                f"in process {os.getpid()}, which was forked from it: load it in each process, "
                "and start those with multiprocessing's spawn method."
            )
        if self._end is None:
            return None
        why, cause = self._end
        refusal = LocalqwqError(why)
        refusal.__cause__ = cause
        return refusal

    def check(self) -> None:
        """Raise :class:`LocalqwqError` if the model cannot be used here and now."""
        if (refusal := self.refusal()) is not None:
            raise refusal
