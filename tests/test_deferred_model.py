"""Ctrl+C while pydantic builds a model's checks."""

import signal
from typing import Annotated, Any

import pytest
from pydantic import GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from localqwq.deferred_model import DeferredModel
from localqwq.interruption import uninterrupted


class Interrupting:
    """Hashing it, which pydantic does while it builds checks, sends the signal of Ctrl+C once."""

    is_sent = False

    def __hash__(self) -> int:
        if not self.is_sent:
            self.is_sent = True
            signal.raise_signal(signal.SIGINT)
        return 1


class Default:
    """An annotation with such a default, which pydantic looks at in native code."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), default=Interrupting())


@pytest.fixture(autouse=True)
def ctrl_c() -> Any:
    """Python's own way to handle the signal, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_first_use_is_interrupted_like_any_code() -> None:
    """And the second use works."""

    class Model(DeferredModel):
        field: Annotated[int, Default()]

    with pytest.raises(KeyboardInterrupt):
        Model(field=1)
    assert Model(field=2).field == 2


def test_so_are_other_checks() -> None:
    """Those of types that are no models."""
    with pytest.raises(KeyboardInterrupt):
        uninterrupted(lambda: TypeAdapter(Annotated[int, Default()]))


def test_errors_come_out() -> None:
    """Those that are raised within the thread."""
    with pytest.raises(ZeroDivisionError):
        uninterrupted(lambda: 1 / 0)
