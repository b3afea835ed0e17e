"""Tools from Python functions: the schema is that of the hints, the texts are the docstring's."""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, Arguments, Effect, ToolFailed
from localqwq.errors import LocalqwqError
from localqwq.interruption import uninterrupted

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_ARGUMENTS = re.compile(r"^\s*Args:\s*$(.*?)(?=^\S|^\s*\w+:\s*$|\Z)", re.DOTALL | re.MULTILINE)
_ARGUMENT = re.compile(r"^\s*(\w+)(?: \([^)]*\))?:\s*(.+?)\s*$", re.MULTILINE)


def function_tool(
    function: Callable[..., Any],
    *,
    effect: Effect = Effect.NONE,
    significant: Callable[[Arguments], tuple[str, ...]] | None = None,
    in_words: Callable[[Arguments], str] | None = None,
    long_results: bool = False,
) -> AgentTool:
    """Return a tool that calls ``function`` with keyword arguments.

    The first paragraph of its docstring tells the model what it does; lines under ``Args:``, or
    ``Annotated[…, Field(description=…)]``, describe the arguments. One of the type :class:`Stop`
    is not the model's: it is set when the result is no longer wanted. An exception that the
    function raises is told to the model.

    Raises :class:`LocalqwqError` if the function cannot be described.
    """
    name = getattr(function, "__name__", "")
    if not _NAME.fullmatch(name):
        raise LocalqwqError(_refused(function, name))
    text = inspect.getdoc(function) or ""
    schema, validate, stops = _described(function, name)
    described = dict(_ARGUMENT.findall("".join(_ARGUMENTS.findall(text))))
    for argument, value in schema["properties"].items():
        if argument in described and "description" not in value:
            value["description"] = described[argument]

    def check(arguments: Arguments) -> Arguments:
        return validate(dict(arguments))

    def run(arguments: Arguments, stop: Stop) -> str:
        try:
            return _as_text(function(**arguments, **dict.fromkeys(stops, stop)))
        except ToolFailed:
            raise
        except Exception as error:  # whatever the program's own function raises
            raise ToolFailed(f"{type(error).__name__}: {error}") from error

    return AgentTool(
        name=name,
        description=" ".join(text.partition("\n\n")[0].split()) or name,
        parameters=schema,
        run=run,
        check=check,
        effect=effect,
        significant=significant or (lambda _: ()),
        in_words=in_words,
        long_results=long_results,
    )


def _refused(function: Callable[..., Any], name: str) -> str:
    """Return why a function cannot be a tool by its name."""
    if name == "<lambda>":
        return "A lambda cannot be a tool, as it has no name: write a function with def."
    if not name:
        kind = type(function).__name__
        return f"A tool needs a name, which a {kind} does not have: write a function with def."
    return (
        f"A tool cannot be called {name!r}: its name must be of 1 to 64 letters A to Z, digits, _ "
        "and -, and begin with no digit or -."
    )


def _described(
    function: Callable[..., Any], name: str
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]], list[str]]:
    """Return the schema of the function's arguments, what checks and converts them, and the names
    of those that take a :class:`Stop`.
    """
    from pydantic import ConfigDict, Field, ValidationError, create_model
    from pydantic.errors import PydanticUserError

    # Pydantic does not allow every name for a field, but any for an alias.
    names: dict[str, str] = {}
    stops: list[str] = []
    fields: dict[str, Any] = {}
    try:
        for parameter in inspect.signature(function, eval_str=True).parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise LocalqwqError(f"The tool {name} must have named arguments only.")
            if parameter.annotation is Stop:
                stops.append(parameter.name)
                continue
            given = Any if parameter.annotation is parameter.empty else parameter.annotation
            default = ... if parameter.default is parameter.empty else parameter.default
            field = f"argument_{len(fields)}"
            names[parameter.name] = field
            fields[field] = (given, Field(default, alias=parameter.name))
        config = ConfigDict(extra="forbid")
        model = uninterrupted(lambda: create_model(name, __config__=config, **fields))
        schema = _plain(model.model_json_schema())
    except (NameError, TypeError, ValueError, PydanticUserError) as error:
        sentence = str(error).partition("\n")[0]
        raise LocalqwqError(f"The tool {name} cannot be described: {sentence}") from error

    def validate(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            found = model.model_validate(arguments)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "arguments"
            raise ToolFailed(f"The argument {where!r} is wrong: {first['msg']}.") from None
        return {argument: getattr(found, field) for argument, field in names.items()}

    return schema, validate, stops


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return pydantic's schema of an object in the usual order and without generated titles."""
    found: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: _without_title(value) for name, value in schema.get("properties", {}).items()
        },
        "required": list(schema.get("required", [])),
    }
    if definitions := schema.get("$defs"):
        found["$defs"] = {name: _without_title(value) for name, value in definitions.items()}
    return found


def _without_title(schema: Mapping[str, Any]) -> dict[str, Any]:
    first = {"type": schema["type"]} if "type" in schema else {}
    return first | {name: value for name, value in schema.items() if name not in ("type", "title")}


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
