"""Where a server's models come from."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.models.beside import Held
from localqwq.models.launch import Launch
from localqwq.server.pool.names import named

Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class Room(Generic[Other]):
    """How a model is to be loaded, and which ones have to leave memory before."""

    launch: Launch
    leaving: Sequence[Other] = ()


@dataclass(frozen=True, slots=True)
class Growth(Generic[Other]):
    """How long a context may become, in tokens, and which models have to leave memory before."""

    longest: int
    leaving: Sequence[Other] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as it is listed."""

    name: str
    """``NAME:QUANT``."""
    bytes: int | None = None
    """Size of its files; ``None`` if they have yet to be made."""
    verdict: str | None = None
    """Where it would be loaded, or why it does not fit; ``None`` if that is not known yet."""
    fits: bool | None = None
    facts: ModelFacts | None = None
    """What is in its file; ``None`` if that cannot be read."""


class ModelSource(Protocol):
    """The models that a server may load. All methods may take their time, in any thread."""

    has_one: bool
    """Whether there is only one model, whatever requests name."""

    def find(self, wanted: str | None) -> str:
        """Return the full name of the model that a request's ``model`` means.

        Raises ``LookupError`` with a sentence if there is no such model.
        """

    def named(self, wanted: str) -> str:
        """Return the full name of the model with this name.

        Raises ``LookupError`` with a sentence if there is none.
        """

    def listed(self) -> Sequence[Listed]:
        """Return all models, the default one first."""

    def room(
        self, name: str, staying: Sequence[Held], idle: Sequence[tuple[Other, Held]]
    ) -> Room[Other]:
        """Return how to load a model while others are in memory.

        ``idle`` are those that may leave it, the longest unused one first. Raises ``LocalqwqError``
        if there is not enough room.
        """

    def growth(
        self,
        launch: Launch,
        own: Held,
        needed: int,
        staying: Sequence[Held],
        idle: Sequence[tuple[Other, Held]],
    ) -> Growth[Other]:
        """Return how long the context of a loaded model may become, ``needed`` tokens at least.

        The others are those of :meth:`room`. Raises ``LocalqwqError`` if there is not enough room.
        """

    def is_current(self, name: str) -> bool:
        """Return whether a model's file is still the one that it was loaded from."""

    def is_pinned(self, name: str) -> bool:
        """Return whether a model stays in memory whatever else is asked for."""


class OneModel:
    """The only model of a server."""

    has_one = True

    def __init__(self, launch: Launch) -> None:
        self._launch = launch

    def find(self, wanted: str | None) -> str:
        """Return its name: it answers to all."""
        return self._launch.name

    def named(self, wanted: str) -> str:
        """Return its name, if ``wanted`` is one of its names; the file's is one, too."""
        path, name = self._launch.model, self._launch.name
        if named(wanted, (name, path.name, path.stem)) is None:
            raise LookupError(f"There is no model {wanted!r} here; {name} is served.")
        return name

    def listed(self) -> Sequence[Listed]:
        """Return it."""
        return [Listed(self._launch.name, facts=self._facts)]

    @cached_property
    def _facts(self) -> ModelFacts | None:
        with suppress(LocalqwqError):
            return read_facts(self._launch.model)
        return None

    def room(
        self, name: str, staying: Sequence[Held], idle: Sequence[tuple[Other, Held]]
    ) -> Room[Other]:
        """Return how to load it; the plan was made before."""
        return Room(self._launch)

    def growth(
        self,
        launch: Launch,
        own: Held,
        needed: int,
        staying: Sequence[Held],
        idle: Sequence[tuple[Other, Held]],
    ) -> Growth[Other]:
        """Return what its plan said: there is nobody who could make room for more."""
        return Growth(max(launch.load.context, launch.load.longest or 0))

    def is_current(self, name: str) -> bool:
        """It stays as long as the server."""
        return True

    def is_pinned(self, name: str) -> bool:
        """There is nothing that it could make way for."""
        return True
