"""A model's life in this process, from its load to its end, and who may still use it."""

import os

from localqwq.errors import LocalqwqError


class Life:
    """The one state that every call asks, from any thread.

    It goes one way only: the first end counts, and nothing comes after it. What is read and written
    here is single attributes, without a lock, so that a signal or the garbage collector may come
    between any two steps.
    """

    def __init__(self, name: str) -> None:
        """Begins now, in this process; ``name`` is the model's in sentences."""
        self.name = name
        self._process = os.getpid()
        self._end: tuple[str, BaseException | None] | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._end is not None

    @property
    def foreign(self) -> bool:
        """Whether this is the copy that a fork has made; the model's threads are not in it."""
        return os.getpid() != self._process

    def end(self, why: str, cause: BaseException | None = None) -> None:
        """End it; ``why`` is the sentence for whoever uses it from now on."""
        if self._end is None:
            self._end = why, cause

    def refusal(self) -> LocalqwqError | None:
        """Why the model cannot be used here and now, if it cannot."""
        if self.foreign:
            return LocalqwqError(
                f"The model {self.name} was loaded in process {self._process} and cannot be used "
                f"in process {os.getpid()}, which was forked from it: load it in each process, and "
                "start those by multiprocessing's spawn method."
            )
        if self._end is None:
            return None
        why, cause = self._end
        refusal = LocalqwqError(why)
        refusal.__cause__ = cause
        return refusal

    def check(self) -> None:
        """Raise :class:`LocalqwqError` where the model cannot be used here and now."""
        if (refusal := self.refusal()) is not None:
            raise refusal
