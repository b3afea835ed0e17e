"""Types of request fields, and the sampling fields."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from localqwq.deferred_model import DeferredModel
from localqwq.gguf.sampling import INT32_MAX, LIMITS, Sampling
from localqwq.server.http.errors import InvalidRequestError

MAX_BIASES = 1024
MAX_CHOICES = 128
"""Maximum per prompt."""
MAX_STOPS = 16
MAX_STOP_LENGTH = 1000


def _within(name: str) -> Any:
    """Return the limits of a sampling parameter."""
    low, high = LIMITS[name]
    return Field(ge=low, le=high)


def _unlimited(value: Any) -> Any:
    """Treat -1, which llama.cpp's tools use for "no limit" and "random", as absence."""
    return None if value == -1 else value


def _several(value: Any) -> Any:
    """Return one text as a list of one."""
    if not isinstance(value, str | list | None):
        raise ValueError("must be a text or a list of texts")
    return [value] if isinstance(value, str) else value


def _biases(value: Any) -> Any:
    """Return OpenAI's object or llama-server's list of pairs as a dictionary; ``false`` bans a
    token.
    """
    wanted = "must be an object of token ids and numbers"
    if value is None:
        return None
    if isinstance(value, dict):
        value = list(value.items())
    if not isinstance(value, list):
        raise ValueError(wanted)
    if len(value) > MAX_BIASES:
        raise ValueError(f"must have at most {MAX_BIASES} tokens")
    biases: dict[int, Any] = {}
    for pair in value:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(wanted)
        token, bias = pair
        if isinstance(token, str) and token.isascii() and token.isdigit() and len(token) < 11:
            token = int(token)
        if isinstance(token, bool) or not isinstance(token, int):
            raise ValueError(wanted)
        biases[token] = float("-inf") if bias is False else bias
    return biases


def _bias(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number, or false")
    if value != float("-inf") and not -100 <= value <= 100:
        raise ValueError("must be from -100 to 100, or false")
    return float(value)


_Count = Annotated[int, Field(ge=1)]
_SeedNumber = Annotated[int, Field(ge=-(2**63), lt=2**64)]
TokenLimit = Annotated[
    _Count | None, BeforeValidator(_unlimited, json_schema_input_type=_Count | Literal[-1] | None)
]
Seed = Annotated[_SeedNumber | None, BeforeValidator(_unlimited)]
Choices = Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None
ThoughtBudget = Annotated[int, Field(ge=-1, le=INT32_MAX)]
"""Tokens; -1 for no limit."""
_Stop = Annotated[str, Field(min_length=1, max_length=MAX_STOP_LENGTH)]
_StopList = Annotated[list[_Stop], Field(max_length=MAX_STOPS)]
Stops = Annotated[
    _StopList | None,
    BeforeValidator(_several, json_schema_input_type=_Stop | _StopList | None),
]
_Bias = Annotated[float, Field(allow_inf_nan=True), BeforeValidator(_bias)]
_BiasNumber = Annotated[float, Field(ge=-100, le=100)] | Literal[False]
Biases = Annotated[
    dict[int, _Bias] | None,
    BeforeValidator(
        _biases,
        json_schema_input_type=Annotated[dict[str, _BiasNumber], Field(max_length=MAX_BIASES)]
        | Annotated[list[tuple[int, _BiasNumber]], Field(max_length=MAX_BIASES)]
        | None,
    ),
]


def first_problem(error: ValidationError) -> tuple[str | None, str]:
    """Return the first invalid field, such as ``messages.0.role``, and a sentence about it."""
    problems = error.errors(include_url=False)
    param = _param(problems[0])
    # Where several types are allowed, each says what is wrong with it.
    same = [problem for problem in problems if _param(problem) == param]
    first, *others = dict.fromkeys(map(_message, same if _is_union(problems[0]) else same[:1]))
    message = " or ".join([first, *(other.removeprefix("should be ") for other in others)])
    if not param:
        return None, f"The request is invalid: {message}."
    return param, f"The field {param!r} is invalid: {message}."


def _param(problem: ErrorDetails) -> str:
    """Return the field that a problem is about, such as ``messages.0.role``."""
    return ".".join(str(step) for step in problem["loc"] if not _is_branch(step))


def _is_union(problem: ErrorDetails) -> bool:
    """Return whether a problem is that of one of several types that its field may have."""
    return bool(problem["loc"]) and _is_branch(problem["loc"][-1])


def _message(problem: ErrorDetails) -> str:
    """Return what is wrong, without the field."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return "it is missing"
    if (kind, context.get("expected")) == ("literal_error", "''") or (
        kind == "too_long" and context.get("max_length") == 0
    ):
        return "it is not supported here; leave it out"
    if (message := _length_problem(kind, context)) is not None:
        return message
    return problem["msg"].removeprefix("Value error, ").removeprefix("Input ")


def _is_branch(step: int | str) -> bool:
    """Return whether a step of a place is one of several types that a field may have."""
    return isinstance(step, str) and ("[" in step or step in ("bool", "float", "int", "str"))


def _length_problem(kind: str, context: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the length of a list or a string; None for other problems."""
    what = "character" if kind.startswith("string_") else "entry"
    match kind.removeprefix("string_"):
        case "too_short":
            bound, least = context["min_length"], "at least"
        case "too_long":
            bound, least = context["max_length"], "at most"
        case _:
            return None
    several = {"character": "characters", "entry": "entries"}
    return f"it must have {least} {bound} {what if bound == 1 else several[what]}"


class Part(DeferredModel):
    """A part of a request. Unknown fields are ignored; strings are not numbers, and numbers not
    Booleans.
    """

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


Body = TypeVar("Body", bound=Part)


def parse_body(kind: type[Body], body: bytes) -> Body:
    """Return the JSON ``body`` as this kind; raises ``InvalidRequestError`` with one clear
    sentence.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        problem = error
    first = problem.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        raise InvalidRequestError(f"The body is not valid JSON: {first['ctx']['error']}.")
    param, message = first_problem(problem)
    raise InvalidRequestError(message, param)


class SamplingFields(Part):
    """Sampling fields; an absent one means the model's own value."""

    temperature: Annotated[float, _within("temperature")] | None = None
    top_p: Annotated[float, _within("top_p")] | None = None
    top_k: Annotated[int, _within("top_k")] | None = None
    min_p: Annotated[float, _within("min_p")] | None = None
    typical_p: Annotated[float, _within("typical_p")] | None = Field(
        default=None, validation_alias=AliasChoices("typical_p", "typ_p")
    )
    xtc_probability: Annotated[float, _within("xtc_probability")] | None = None
    xtc_threshold: Annotated[float, _within("xtc_threshold")] | None = None
    repeat_penalty: Annotated[float, _within("repeat_penalty")] | None = Field(
        default=None, validation_alias=AliasChoices("repeat_penalty", "repetition_penalty")
    )
    repeat_last_n: Annotated[int, _within("repeat_last_n")] | None = None
    presence_penalty: Annotated[float, _within("presence_penalty")] | None = None
    frequency_penalty: Annotated[float, _within("frequency_penalty")] | None = None
    dry_multiplier: Annotated[float, _within("dry_multiplier")] | None = None
    dry_base: Annotated[float, _within("dry_base")] | None = None
    dry_allowed_length: Annotated[int, _within("dry_allowed_length")] | None = None
    dry_penalty_last_n: Annotated[int, _within("dry_penalty_last_n")] | None = None
    dry_sequence_breakers: Annotated[list[str], Field(min_length=1)] | None = None
    """Strings across which DRY does not look for repetition."""
    seed: Seed = None
    """The same seed and the same prompt give the same answer. -1 or absent: a new seed each time.
    Longer numbers are reduced to 32 bits, and the result is reported.
    """

    def sampling(self, default: Sampling) -> Sampling:
        """Return the request's values where given, the model's own elsewhere."""
        values = self.model_dump(include=set(SamplingFields.model_fields), exclude_none=True)
        if (breakers := values.get("dry_sequence_breakers")) is not None:
            values["dry_sequence_breakers"] = tuple(breakers)
        return default.override(values)
