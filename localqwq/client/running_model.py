"""A model of the running server, for programs whose threads wait for its answers."""

import json
import socket
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote

from localqwq.client.answer import AnswerAssembler
from localqwq.client.chat_stream import ChatStream
from localqwq.client.errors import refusal
from localqwq.client.limits import ContextLimits
from localqwq.client.running_server import ServerEnded
from localqwq.engine.life import Life
from localqwq.engine.request import ContextExceeded, RequestRefused
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import ContextChanged, Event, Finish, Timings, Usage

Body = Mapping[str, Any]
"""A request in the form of OpenAI's API."""

_CHAT = "/v1/chat/completions"
_PIECE = 1 << 16
_MOMENT = 0.25
"""Seconds between two looks at whether the model was closed, while the server's queue is full."""


class RunningModel:
    """Answers as an engine in this process does; any thread may use it, and none is needed for it.

    Each request has a connection of its own, so that no interrupt leaves anything half finished
    that another one needs.
    """

    def __init__(self, name: str, path: str) -> None:
        """Set up; ``path``: the server's socket. Nothing is asked before :meth:`load`."""
        self.life = Life(name)
        self._path = path
        self._limits = ContextLimits(0, 0, 0)
        self._open: set[socket.socket] = set()

    def load(self) -> None:
        """Have the server load the model; raises what prevents that."""
        limits = ContextLimits.of(self._asked("GET", f"/props?model={quote(self.life.name)}"))
        if limits is None:
            raise LocalqwqError("The running server does not say how long the context is.")
        self._limits = limits

    @property
    def context(self) -> int:
        """The context length in tokens."""
        self.life.check()
        return self._limits.tokens

    def turn(self, body: Body) -> Generator[Event, None, None]:
        """Return the events of an answer, which is asked for once the first one is.

        Raises :class:`LocalqwqError` immediately for a request that cannot be answered.
        """
        body = {**body, "model": self.life.name}
        unlimited = {name: value for name, value in body.items() if name != "max_tokens"}
        prompt = int(self._asked("POST", f"{_CHAT}/input_tokens", unlimited)["input_tokens"])
        if prompt >= self._limits.longest:
            self.load()  # it may have been loaded anew, with another context
        if prompt >= self._limits.longest:
            raise ContextExceeded(prompt + 1, self._limits.longest)
        if body.get("max_tokens") == 0:
            return self._nothing(prompt)
        return self._events(body)

    def close(self, why: str, timeout: float | None = None) -> None:
        """End all answers; ``why`` is the error message for later uses. The server goes on."""
        if self.life.foreign:
            return
        self.life.end(why)
        for one in list(self._open):
            _end(one)

    def _nothing(self, prompt: int) -> Generator[Event, None, None]:
        """Yield the end of an answer without a token."""
        self.life.check()
        yield Finish("length", Usage(prompt_tokens=prompt), Timings())

    def _events(self, body: Body) -> Generator[Event, None, None]:
        told = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
        stream = ChatStream(self._path, AnswerAssembler())
        with self._answered("POST", _CHAT, {**body, **told}) as response:
            broken = False
            while not stream.over:
                self.life.check()  # a forked process must not take pieces from this one
                try:
                    piece = response.read1(_PIECE)
                except (OSError, HTTPException):
                    broken = True
                    break
                if not piece:
                    break
                for event in stream.feed(piece):
                    self.life.check()
                    self._note(event)
                    yield event
        yield from stream.end(broken=broken)
        self.life.check()
        if broken:
            raise self._ended()
        if stream.failure is not None:
            raise stream.failure

    def _note(self, event: Event) -> None:
        if isinstance(event, ContextChanged):
            longest = max(event.context, self._limits.longest)
            self._limits = ContextLimits(event.context, longest, self._limits.original)

    def _asked(self, method: str, path: str, body: Body | None = None) -> Any:
        with self._answered(method, path, body) as response:
            try:
                return json.loads(response.read())
            except (OSError, HTTPException):
                self.life.check()
                raise self._ended() from None

    @contextmanager
    def _answered(self, method: str, path: str, body: Body | None) -> Iterator[HTTPResponse]:
        """Yield the response to a request; raises its error, and waits where there is a queue."""
        while True:
            with self._response(method, path, body) as response:
                if response.status == 200:
                    yield response
                    return
                if response.status != 429:
                    raise self._refused(response.status, response.read())
                wait = float(response.headers.get("Retry-After", 1))
            until = time.monotonic() + wait
            while time.monotonic() < until:
                self.life.check()
                time.sleep(_MOMENT)

    @contextmanager
    def _response(self, method: str, path: str, body: Body | None) -> Iterator[HTTPResponse]:
        self.life.check()
        connection = HTTPConnection("localhost")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            self._open.add(end)
            try:
                self.life.check()  # whoever closes it may have looked for the last time
                try:
                    end.connect(self._path)
                    connection.sock = end
                    headers = {"Content-Type": "application/json"}
                    connection.request(method, path, _encoded(body), headers)
                    response = connection.getresponse()
                except (OSError, HTTPException):
                    self.life.check()
                    raise self._ended() from None
                with response:
                    yield response
            finally:
                self._open.discard(end)

    def _refused(self, status: int, body: bytes) -> LocalqwqError:
        """Return the error that an engine in this process would raise, if it is one of those."""
        failure = refusal(self._path, status, body)
        try:
            param = json.loads(body)["error"]["param"]
        except (ValueError, LookupError, TypeError):
            param = None
        return RequestRefused(param, str(failure)) if param and status == 400 else failure

    def _ended(self) -> ServerEnded:
        return ServerEnded(
            f"The running server, which answered for {self.life.name}, has ended: load the model "
            "again."
        )


def _encoded(body: Body | None) -> bytes | None:
    try:
        return None if body is None else json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestRefused("messages", f"The request cannot be sent as JSON: {error}.") from None


def _end(one: socket.socket) -> None:
    """Wake whoever reads from it."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
