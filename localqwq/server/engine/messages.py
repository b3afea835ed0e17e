"""What a server and its engine tell each other, as values and as bytes."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from localqwq.codec import Decoder, Malformed, decoder, encode
from localqwq.engine.engine_load import EngineLoad
from localqwq.engine.request import GenerationRequest
from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.probe import Report
from localqwq.reasoning.events import Event
from localqwq.reasoning.template_traits import TemplateTraits
from localqwq.server.http.errors import BusyError, InvalidRequestError, UnavailableError

MAX_WAITING = 32
"""Default maximum of generations waiting for a slot in the engine."""
WINDOW = 16
"""Batches of a request that the engine sends before the server has passed one on."""


@dataclass(frozen=True, slots=True)
class Describe:
    """List the devices; before anything is loaded."""


@dataclass(frozen=True, slots=True)
class Load:
    """Load this model; nothing else is possible before."""

    model: EngineLoad
    queue: int
    """Generations that may wait for a slot."""


@dataclass(frozen=True, slots=True)
class Open:
    """Begin these generations, and gather events for ``interval`` seconds (default: the
    engine's).
    """

    id: int
    requests: tuple[GenerationRequest, ...]
    interval: float | None


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a request's generations; nobody reads them any more."""

    id: int


@dataclass(frozen=True, slots=True)
class Credit:
    """So many batches of a request were passed on, and as many more may come."""

    id: int
    batches: int


@dataclass(frozen=True, slots=True)
class Steer:
    """Close the thoughts of a request at their next sentence, or give them a new budget."""

    id: int
    request: int
    answer_now: bool
    budget: int | None
    """Tokens; ``None`` for no limit."""


@dataclass(frozen=True, slots=True)
class Count:
    """Return the number of tokens of a request's prompt."""

    id: int
    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Return the tokens of a text."""

    id: int
    text: str
    begin: bool
    special: bool


@dataclass(frozen=True, slots=True)
class Spell:
    """Return the bytes of tokens."""

    id: int
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Embed:
    """Return the embeddings of texts, each as text or tokens."""

    id: int
    texts: tuple[str | tuple[int, ...], ...]
    truncate: bool
    """Whether texts that are too long are cut, not refused."""


@dataclass(frozen=True, slots=True)
class Look:
    """Return the engine's present state."""

    id: int


@dataclass(frozen=True, slots=True)
class Allow:
    """Let the context grow to so many tokens, but no further."""

    longest: int


@dataclass(frozen=True, slots=True)
class Described:
    """The devices of this machine."""

    report: Report


@dataclass(frozen=True, slots=True)
class Progress:
    """The fraction of the model loaded, 0 to 1."""

    part: float


@dataclass(frozen=True, slots=True)
class Served:
    """The model is loaded; what never changes about it."""

    facts: ModelFacts
    traits: TemplateTraits
    tool_traits: TemplateTraits
    parallel: int
    """Maximum concurrent requests."""
    longest: int
    """Tokens that the context may grow to, unless :class:`Allow` says otherwise."""
    vocabulary: int
    """Number of tokens in the vocabulary."""


@dataclass(frozen=True, slots=True)
class Sized:
    """The context has so many tokens now."""

    context: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A request was accepted."""

    id: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Simultaneous events of one generation of a request."""

    id: int
    index: int
    """Of the generation among the request's."""
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Failed:
    """A request or a question failed."""

    id: int
    kind: Literal["invalid", "busy", "unavailable", "failed"]
    message: str
    param: str | None = None
    code: str | None = None
    status: int = 500
    tokens: tuple[int, int] | None = None
    """For a prompt that does not fit: the tokens that it needs, and those available."""
    retry_after: int = 0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A request has nothing more to come."""

    id: int


@dataclass(frozen=True, slots=True)
class Steered:
    """Whether there was a thought to steer, and its budget in tokens now."""

    id: int
    done: bool
    budget: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """The number of tokens of a request's prompt."""

    id: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text."""

    id: int
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The bytes of tokens."""

    id: int
    pieces: list[bytes]


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embeddings of texts."""

    id: int
    vectors: list[bytes]
    """32-bit floats, little-endian."""
    tokens: int
    """Number of tokens in all texts."""


@dataclass(frozen=True, slots=True)
class State:
    """The engine's present state."""

    id: int
    context: int
    """Context in tokens."""
    rope: RopeScaling
    running: int
    """Generations being decoded."""
    unfinished: int
    """Generations that run, wait or are being prepared."""


Down = (
    Describe
    | Load
    | Open
    | Cancel
    | Credit
    | Steer
    | Count
    | Tokenize
    | Spell
    | Embed
    | Look
    | Allow
)
"""From the server to the engine."""
Up = (
    Described
    | Progress
    | Served
    | Sized
    | Opened
    | Batch
    | Failed
    | Closed
    | Steered
    | Counted
    | Tokens
    | Pieces
    | Embedded
    | State
)
"""From the engine to the server."""

to_down: Decoder = decoder(Down)
to_up: Decoder = decoder(Up)

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def to_bytes(message: Down | Up) -> bytes:
    """Return the message's bytes."""
    return _ENCODER.encode(encode(message)).encode("ascii")


def from_bytes(data: bytes) -> Any:
    """Return the JSON value in these bytes, for ``to_down`` and ``to_up``.

    Raises :class:`Malformed`.
    """
    try:
        return json.loads(data)
    except ValueError as error:
        raise Malformed(str(error)) from None


def failed(id_: int, error: Exception) -> Failed:
    """Return the message about an error of a request."""
    match error:
        case InvalidRequestError():
            return Failed(
                id_, "invalid", str(error), error.param, error.code, error.status, error.tokens
            )
        case BusyError():
            return Failed(id_, "busy", str(error), retry_after=error.retry_after)
        case UnavailableError():
            return Failed(id_, "unavailable", str(error))
        case LocalqwqError():
            return Failed(id_, "failed", str(error))
    return Failed(id_, "failed", f"The engine failed ({type(error).__name__}).")


def error_of(failure: Failed) -> InvalidRequestError | LocalqwqError:
    """Return the error that a message is about."""
    match failure.kind:
        case "invalid":
            return InvalidRequestError(
                failure.message, failure.param, failure.code, failure.status, failure.tokens
            )
        case "busy":
            return BusyError(failure.retry_after)
        case "unavailable":
            return UnavailableError(failure.message)
        case "failed":
            return LocalqwqError(failure.message)
