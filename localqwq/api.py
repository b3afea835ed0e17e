"""The Python API: load a model with ``from localqwq import load``."""

import _thread
import os
import secrets
import threading
import warnings
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol, Self, TypedDict, Unpack

from pydantic import ConfigDict, Field, ValidationError

from localqwq.agent.blocking import run_blocking
from localqwq.agent.builtin import agent_tools
from localqwq.agent.events import AgentEvent
from localqwq.agent.folders import Folders, opened_folder
from localqwq.agent.limits import Limits
from localqwq.agent.permission import Allowed, Decision, Denied
from localqwq.agent.tool import AgentTool
from localqwq.agent.turn import AgentTurn, PlannedCall
from localqwq.client.running_model import RunningModel
from localqwq.client.running_server import running_model
from localqwq.engine.engine import Engine, RequestRefused
from localqwq.engine.engine_thread import EngineThread
from localqwq.engine.life import Life
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.gguf.sampling import Sampling
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.spec import resolve
from localqwq.reasoning.budget import HANDOVER
from localqwq.reasoning.events import Event, ToolCall
from localqwq.reasoning.messages import Message, Tool
from localqwq.server.http.fields import first_problem
from localqwq.server.http.schema import ChatRequest

_PARALLEL = 4
_PATIENCE = 10.0
"""Seconds that the garbage collector waits for an unreferenced model's memory to be freed."""
_MOMENT = 0.01
"""Seconds until the garbage collector is certainly done."""


class AnswerOptions(TypedDict, total=False):
    """The options of :meth:`LocalModel.agent`; an absent one means the model's own default."""

    response_format: Mapping[str, Any]
    """As in OpenAI's API: a JSON schema for the answer, or a grammar, a regular expression or a
    choice, as the server accepts them.
    """
    max_tokens: int
    """Maximum tokens to generate, including the thought."""
    reasoning_budget: int
    """Maximum tokens of thought."""
    chat_template_kwargs: Mapping[str, Any]
    """Variables of the model's chat template."""
    stop: Sequence[str]
    """Strings that end the answer."""
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    seed: int


class ChatOptions(AnswerOptions, total=False):
    """The options of :meth:`LocalModel.chat`; an absent one means the model's own default."""

    tools: Sequence[Tool]
    """Tool definitions in the form of OpenAI's API."""
    tool_choice: str
    """``auto``, ``none``, ``required``, or a tool's name."""


class _Source(Protocol):
    """What answers for a model."""

    life: Life

    @property
    def context(self) -> int:
        """The context length in tokens; raises once closed."""

    def turn(self, asked: "_Asked") -> Generator[Event, None, None]:
        """Return the events of an answer; raises at once for what cannot be answered."""

    def close(self, why: str, timeout: float | None = None) -> None:
        """End all answers, waiting at most ``timeout`` seconds."""


class _OwnEngine:
    """An engine in this process."""

    def __init__(self, name: str) -> None:
        self.thread = EngineThread(name)
        self.life = self.thread.life

    @property
    def context(self) -> int:
        return self.thread.engine.context

    def turn(self, asked: "_Asked") -> Generator[Event, None, None]:
        request = asked.call.generation(self.thread.engine.facts.sampling)
        return self.thread.events(self.thread.prepare(request))

    def close(self, why: str, timeout: float | None = None) -> None:
        self.thread.close(why, timeout)


class _RunningServer:
    """The running server, asked for what an engine in this process would do."""

    def __init__(self, name: str, path: str, sampling: Sampling) -> None:
        """Set up; ``path``: its socket; ``sampling``: the model's own."""
        self.model = RunningModel(name, path)
        self.life = self.model.life
        self._sampling = sampling

    @property
    def context(self) -> int:
        return self.model.context

    def turn(self, asked: "_Asked") -> Generator[Event, None, None]:
        given = {name: value for name, value in asked.values.items() if value is not None}
        return self.model.turn(self._own_values() | given)

    def close(self, why: str, timeout: float | None = None) -> None:
        self.model.close(why, timeout)

    def _own_values(self) -> dict[str, Any]:
        """Return the values that count here where the caller gives none, whatever the server's
        settings say.
        """
        own = {name: value for name, value in self._sampling.as_dict().items() if value is not None}
        return {
            "seed": secrets.randbits(32),
            "reasoning_budget": -1,
            "reasoning_budget_message": HANDOVER,
            "loop_detection": True,
            "cache_on_disk": False,
            **own,
        }


class LocalModel:
    """A model in this process, or in the running server; a context manager.

    Conversations may run concurrently, also from several threads: they share the context. While
    none runs, the history of the latest ones is prefilled for their next turns. No use of this
    object, at any time and from any thread, ends the program: once the model is closed, or in a
    forked process, its methods and running answers raise :class:`~localqwq.errors.LocalqwqError`. A
    model that is no longer referenced is closed by the garbage collector, with a
    ``ResourceWarning``.
    """

    def __init__(self, name: str, load_engine: Callable[[Callable[[float], None]], Engine]) -> None:
        """Load the engine in its own thread; most programs call :func:`load` instead."""
        own = _OwnEngine(name)
        self._take(own)
        own.thread.load(load_engine)

    @classmethod
    def _running(cls, name: str, path: str, sampling: Sampling) -> Self:
        """Return a model of the running server, once that has loaded it."""
        model = cls.__new__(cls)
        server = _RunningServer(name, path, sampling)
        server.model.load()
        model._take(server)
        return model

    def _take(self, source: _Source) -> None:
        self.name = source.life.name
        self._source = source
        self._finalizer = weakref.finalize(self, _drop, source)
        self._finalizer.atexit = False  # the threads take care of that themselves

    @property
    def context(self) -> int:
        """The context length in tokens."""
        return self._source.context

    @property
    def closed(self) -> bool:
        """Whether the model has been closed."""
        return self._source.life.refusal() is not None

    def chat(
        self, messages: Sequence[Message], **options: Unpack[ChatOptions]
    ) -> Generator[Event, None, None]:
        """Yield the events of the next turn: ``Thought``, ``Answer``, ``ToolCall`` …, ``Finish``.

        Closing the generator ends the turn. Raises :class:`~localqwq.errors.LocalqwqError`
        immediately for a request that cannot be answered, such as messages that do not fit the
        context.
        """
        self._source.life.check()
        return self._events(self._source.turn(_asked(messages, options)))

    def agent(
        self,
        messages: Sequence[Message],
        tools: Sequence[Callable[..., Any] | AgentTool | str],
        *,
        approve: Callable[[ToolCall], bool | str] | None = None,
        folders: Sequence[str | Path] = (),
        limits: Limits | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Generator[AgentEvent, None, None]:
        """Yield the events of a turn in which the model may call tools, an ``AgentFinish`` last.

        Tools run in the thread that reads the events, one after the other. Closing the generator
        ends the turn.

        Args:
            messages: the conversation; the last one is the prompt.
            tools: functions with type hints and a docstring, names of built-in tools such as
                ``calculator``, or :class:`~localqwq.agent.tool.AgentTool` objects.
            approve: called before each call; True allows it, False or a reason for the model
                denies it. None allows all calls.
            folders: folders that built-in tools may read, and write if they end in ``:rw``.
            limits: how far the turn may go.
            options: as in :meth:`chat`; they apply to each of the model's answers.

        Raises:
            LocalqwqError: immediately for a tool that cannot be used, while iterating as
                :meth:`chat` does.
        """
        opened = Folders([opened_folder(str(folder)) for folder in folders])
        turn = AgentTurn(messages, agent_tools(tools, opened), limits)

        def chat(
            now: Sequence[Message], definitions: Sequence[Tool]
        ) -> Generator[Event, None, None]:
            return self.chat(now, tools=definitions, **options)

        def decide(planned: PlannedCall) -> Decision:
            answer = True if approve is None else approve(planned.call)
            if isinstance(answer, str):
                return Denied(answer)
            return Allowed() if answer else Denied()

        return run_blocking(turn, chat, decide)

    def close(self) -> None:
        """End running answers and free the model. Any thread may call this."""
        self._source.close(f"The model {self.name} is closed: load it again.")
        self._finalizer.detach()

    def __enter__(self) -> Self:
        self._source.life.check()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise LocalqwqError(
            f"The model {self.name} cannot be copied or sent to another process: load it there."
        )

    def _events(self, turn: Generator[Event, None, None]) -> Generator[Event, None, None]:
        # The generator refers to this model, which keeps it alive while it is being read.
        yield from turn


def load(
    model: str | Path | None = None,
    *,
    context: int | None = None,
    options: LaunchOptions | None = None,
    server: bool = True,
) -> LocalModel:
    """Load a model as the command line does.

    If your running server (``localqwq serve``) has it, and neither ``context`` nor ``options`` are
    given, that server answers, and the model is not loaded into this process.

    Args:
        model: the path of a ``.gguf``, a pack's ``name`` or ``name:QUANT``, ``demo``, or ``None``
            for the best model installed here.
        context: tokens; ``None`` for a sensible number that fits this machine.
        options: other loading options; the settings and the plan decide the rest.
        server: whether the running server may answer; False loads the model here.

    Raises:
        LocalqwqError: there is no such model, or it does not fit.
    """
    if not isinstance(model, str | os.PathLike | None):
        raise LocalqwqError(f"A model is a name or a path, not {model!r}.")
    if context is not None and (not isinstance(context, int) or isinstance(context, bool)):
        raise LocalqwqError(f"The context must be a number of tokens, not {context!r}.")
    if context is not None and context < 1:
        raise LocalqwqError(
            f"A context of {context} tokens is too short: try 4096, or None for what fits."
        )
    wanted = LaunchOptions(context).over(options or LaunchOptions())
    if server and wanted == LaunchOptions() and (running := _in_server(model)) is not None:
        return running
    found = launch(resolve(None if model is None else str(model)), wanted, parallel=_PARALLEL)
    if found.load.rpc:
        raise LocalqwqError(
            "If a machine in LOCALQWQ_RPC is lost, llama.cpp ends the program that uses it: "
            "unset LOCALQWQ_RPC here, or run `localqwq serve` and use its OpenAI API."
        )
    return LocalModel(found.name, lambda on_progress: _engine(found, on_progress))


def _in_server(model: str | Path | None) -> LocalModel | None:
    """Return the model of the running server, if it has it."""
    running = running_model(None if model is None else str(model))
    if running is None or running.model is None or running.endpoint.uds is None:
        return None
    sampling = read_facts(resolve(running.model).path).sampling
    return LocalModel._running(running.model, running.endpoint.uds, sampling)


def _engine(found: Launch, on_progress: Callable[[float], None]) -> Engine:
    return Engine.load(found.model, found.load, on_progress=on_progress)


def _drop(source: _Source) -> None:
    """Free a model that is no longer referenced."""
    try:
        name, unclosed = source.life.name, source.life.refusal() is None
        source.close(
            f"The model {name} was closed because nothing refers to it any more.", _PATIENCE
        )
        if unclosed:
            warnings.warn(
                f"The model {name} was not closed: use it in a with block, or call its close().",
                ResourceWarning,
                stacklevel=2,
            )
    except KeyboardInterrupt:
        # The garbage collector cannot propagate exceptions, so raise it again a moment later.
        threading.Timer(_MOMENT, _thread.interrupt_main).start()


class _ChatCall(ChatRequest):
    """A request checked like the server's, with the options that only the Python API has."""

    model_config = ConfigDict(extra="forbid")

    max_tokens: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was checked."""

    values: dict[str, Any]
    """Its fields, as in OpenAI's API."""
    call: _ChatCall


def _asked(messages: Sequence[Message], options: Mapping[str, Any]) -> _Asked:
    """Return the checked request."""
    unknown = sorted(set(options) - set(ChatOptions.__annotations__))
    if unknown:
        raise RequestRefused(unknown[0], f"chat has no option {unknown[0]!r}.")
    if isinstance(messages, Sequence) and not messages:
        raise RequestRefused("messages", "There are no messages to answer: give at least one.")
    values = {"messages": messages, **options}
    values = {
        name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for name, value in values.items()
    }
    choice = values.get("tool_choice")
    if isinstance(choice, str) and choice not in ("auto", "none", "required"):
        values["tool_choice"] = {"type": "function", "function": {"name": choice}}
    try:
        return _Asked(values, _ChatCall.model_validate(values))
    except ValidationError as error:
        param, sentence = first_problem(error)
    raise RequestRefused(param or "messages", sentence)
