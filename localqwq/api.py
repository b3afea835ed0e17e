"""The models for Python programs that want no server: ``from localqwq import load``."""

import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from localqwq.engine.engine import Engine, GenerationRequest, RequestRefused
from localqwq.engine.generation import Prepared
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message, Tool

_PARALLEL = 4
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "seed")


class ChatOptions(TypedDict, total=False):
    """What :meth:`LocalModel.chat` takes beside the messages; what is absent is the model's own."""

    tools: Sequence[Tool]
    """As OpenAI's API describes them."""
    tool_choice: str
    """``auto``, ``none``, ``required``, or a tool's name."""
    response_format: Mapping[str, Any]
    """As in OpenAI's API: a JSON schema that the answer keeps to."""
    max_tokens: int
    """The thought included."""
    reasoning_budget: int
    """Tokens that the thought may have."""
    stop: Sequence[str]
    """Texts that end the answer."""
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    seed: int


class LocalModel:
    """A model that is loaded in this process; a context manager.

    Conversations may go on side by side, also from several threads: they share the context. While
    none does, a thread of its own reads the last ones as their next turns will need them.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        """Take over the engine; :func:`load` is the usual way to a model."""
        self.name = name
        self._engine = engine
        self._lock = threading.Lock()
        self._open = 0
        self._rest = threading.Condition(self._lock)
        self._closed = False
        self._thread = threading.Thread(target=self._read_ahead, name="read-ahead", daemon=True)
        self._thread.start()

    @property
    def context(self) -> int:
        """Tokens of the context."""
        return self._engine.context

    def chat(
        self, messages: Sequence[Message], **options: Unpack[ChatOptions]
    ) -> Generator[Event, None, None]:
        """The events of the next turn: ``Thought``, ``Answer``, ``ToolCall`` …, ``Finish`` last.

        Closing the generator ends the turn. Raises :class:`~localqwq.errors.LocalqwqError` at once
        for what cannot be answered, such as messages that do not fit into the context.
        """
        unknown = sorted(set(options) - set(ChatOptions.__annotations__))
        if unknown:
            raise RequestRefused(unknown[0], f"There is no option {unknown[0]!r} of chat.")
        values = dict(options)
        chosen = {name: values.pop(name, None) for name in _SAMPLING}
        sampling = self._engine.facts.sampling.override(chosen)
        request = GenerationRequest(messages, sampling=sampling, **values)  # type: ignore[arg-type]  # the fields' own names
        return self._events(self._engine.prepare(request))

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            self._closed = True
            self._rest.notify()
        self._engine.interrupt()
        self._thread.join()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _events(self, prepared: Prepared) -> Generator[Event, None, None]:
        stop = threading.Event()
        self._engine.interrupt()
        with self._lock:
            generation = self._engine.submit(prepared, stop)
            self._open += 1
        try:
            while not generation.done:
                with self._lock:
                    self._engine.step()
                    events = generation.take()
                yield from events
            yield from generation.take()
            if generation.error is not None:
                raise generation.error
        finally:
            with self._lock:
                stop.set()
                if not generation.done:
                    self._engine.step()
                self._open -= 1
                self._rest.notify()

    def _read_ahead(self) -> None:
        """Do the engine's idle work between the turns."""
        with self._lock:
            while not self._closed:
                if self._open or not self._engine.step():
                    self._rest.wait()
                else:
                    self._rest.wait(0)  # whoever wants to begin may take the lock now


def load(model: str | Path | None = None, *, context: int | None = None) -> LocalModel:
    """Load a model as the command line does.

    ``model``: the path of a ``.gguf``, a pack's ``name`` or ``name:QUANT``, ``demo``, or ``None``
    for the best one installed here. ``context`` in tokens; ``None`` for a sensible one that fits
    this machine. Raises :class:`~localqwq.errors.LocalqwqError` where there is no such model or it
    does not fit.
    """
    from localqwq.cli.model import launch, resolve

    found = launch(resolve(None if model is None else str(model)), context, parallel=_PARALLEL)
    engine = Engine.load(
        found.model,
        context=found.context,
        gpu_layers=found.gpu_layers,
        devices=found.devices,
        tensor_split=found.tensor_split,
        rpc=found.rpc,
        repack=found.repack,
        load_mode=found.load_mode,
        threads=found.threads,
        parallel=found.parallel,
        longest=found.longest,
        kv_type=found.kv_type,
    )
    return LocalModel(engine, found.name)
