"""The reference of the HTTP API, read from the server's own OpenAPI description."""

import json
from collections.abc import Container, Iterator
from typing import Any

from docs.generator.markdown import MADE, code, page, table
from localqwq.server.http.fields import SamplingFields
from localqwq.server.http.openapi import openapi
from localqwq.server.http.other_fields import HARMLESS, REFUSED

Json = dict[str, Any]

_INTRODUCTION = """\
# HTTP API

The routes of `localqwq serve`; `/openapi.json` describes them to programs. A field that is absent
or null has its default; a field that is not listed here is ignored, but named in the log and in the
response's header `Localqwq-Ignored-Fields`. If the server has an API key, requests carry it as
`Authorization: Bearer KEY` or `X-Api-Key: KEY`. Routes under `/v1` answer without it as well.
Bodies may be compressed with gzip.

Errors have OpenAI's form, `{"error": {"message", "type", "param", "code"}}`, and those of
`/v1/messages` Anthropic's, those of `/api` Ollama's (`{"error": "…"}`), with these statuses:
"""
_SAMPLING = """\
### Sampling

Chat and text completions take these. Absent ones have the values that the model's makers
recommend. `repetition_penalty` and `typ_p` are other names of `repeat_penalty` and `typical_p`.
"""
_OTHERS = """\
## Fields of other servers

Unsupported fields that would change the answer are rejected with 400:
"""
_HARMLESS = "These have no effect here and are ignored: "
_STREAM = (
    "With `stream: true` the answer is `text/event-stream`: one chunk per event, `[DONE]` last."
)
_LINES = (
    "Unless `stream` is false, the answer is `application/x-ndjson`: such an object per line, with "
    "a piece of the text each; in the last one, `done` is true."
)
_TYPED_STREAM = (
    "With `stream: true` the answer is `text/event-stream`, with these types of events: "
)


def http_api_page() -> str:
    """Return the page."""
    description = openapi()
    schemas: Json = description["components"]["schemas"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    routes = table(
        ("route", "does"),
        ((code(f"{way} {path}"), one["summary"]) for way, path, one in operations),
    )
    parts = (part for way, path, one in operations for part in _operation(way, path, one, schemas))
    sampled = _table(schemas["ChatRequest"], only=SamplingFields.model_fields)
    bodies = (part for name in _used(operations, schemas) for part in _schema(name, schemas[name]))
    return page(
        MADE, _INTRODUCTION, _statuses(operations), "## Routes", routes, *parts,
        "## Shared fields", _SAMPLING, sampled, *bodies, *_others(),
    )  # fmt: skip


def _others() -> Iterator[str]:
    """Return what is said of fields that other servers know."""
    yield _OTHERS
    refused = (
        (code(name), ", ".join(map(_plain, one.neutral)), f"{one.instead}.")
        for name, one in sorted(REFUSED.items())
    )
    yield table(("field", "accepted if", "otherwise"), refused)
    yield f"{_HARMLESS}{', '.join(map(code, sorted(HARMLESS)))}."


def _plain(value: Any) -> str:
    return code(json.dumps(value))


def _statuses(operations: list[tuple[str, str, Json]]) -> str:
    texts = {
        status: response["description"]
        for _, _, operation in operations
        for status, response in operation["responses"].items()
        if status != "200"
    }
    return table(("status", "meaning"), sorted(texts.items()))


def _operation(method: str, path: str, operation: Json, schemas: Json) -> Iterator[str]:
    content = operation["responses"]["200"].get("content", {})
    answer = next(iter(content.values()))["schema"] if content else {}
    rows = list(_fields(answer))
    body = _body(operation)
    if body is None and not rows:
        return
    yield f"### {method} {path}"
    yield f"{operation['summary']}."
    if body is not None:
        fields = schemas[body]["properties"]
        yield _table(schemas[body], only=fields.keys() - SamplingFields.model_fields.keys())
        if SamplingFields.model_fields.keys() <= fields.keys():
            yield "The fields of [sampling](#sampling) are taken as well."
    if rows:
        yield "Response:"
        yield table(("field", "value"), rows)
    if "application/x-ndjson" in content:
        yield _LINES
    if "text/event-stream" in content:
        yield _stream(content["text/event-stream"]["itemSchema"])


def _stream(item: Json) -> str:
    """Return how a stream looks, from the schema of its events."""
    if "event" not in item["properties"]:
        return _STREAM
    event = item["properties"]["data"]["contentSchema"]
    return f"{_TYPED_STREAM}{', '.join(map(code, event['properties']['type']['enum']))}."


def _body(operation: Json) -> str | None:
    if "requestBody" not in operation:
        return None
    return _named(operation["requestBody"]["content"]["application/json"]["schema"])


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield f"### {name}"
    yield _table(schema, only=schema["properties"])


def _table(schema: Json, *, only: Container[str]) -> str:
    required = schema.get("required", ())
    return table(
        ("field", "value", "meaning"),
        (
            (code(name) + (" (required)" if name in required else ""), _value(field), _help(field))
            for name, field in schema["properties"].items()
            if name in only
        ),
    )


def _help(field: Json) -> str:
    return str(field.get("description", ""))


def _used(operations: list[tuple[str, str, Json]], schemas: Json) -> list[str]:
    """Return the schemas that bodies refer to, in the order in which a reader meets them."""
    bodies = [body for _, _, operation in operations if (body := _body(operation))]
    found: list[str] = []
    waiting = list(bodies)
    while waiting:
        for name in _references(schemas[waiting.pop(0)]):
            if name not in found and name not in bodies:
                found.append(name)
                waiting.append(name)
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield _named(part)
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _named(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _fields(schema: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Return the fields of an answer, those of nested objects by their paths."""
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        inner = field.get("items", {}) if field.get("type") == "array" else field
        mark = "[]" if inner is not field else ""
        nested = list(_fields(inner, f"{path}{mark}."))
        yield from nested or [(code(path), _value(field))]


def _value(schema: Json) -> str:
    """Return what values a schema admits, in words."""
    if "anyOf" in schema and "type" not in schema:
        ways = [_value(way) for way in schema["anyOf"] if way.get("type") != "null"]
        return " or ".join(dict.fromkeys(ways))
    if "$ref" in schema:
        name = _named(schema)
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(_literal(value) for value in schema["enum"] if value is not None)
    if "const" in schema:
        return _literal(schema["const"])
    kind = schema.get("type", "any value")
    if isinstance(kind, list):
        return " or ".join(one for one in kind if one != "null")
    if kind == "array":
        items = schema.get("items")
        return f"list of {_value(items)}" if items else "list"
    return f"{kind}{_limits(schema)}"


def _literal(value: Any) -> str:
    return code(value if isinstance(value, str) and value else json.dumps(value))


def _limits(schema: Json) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < 2**31 - 1:
        return f" from {low:,g} to {high:,g}"
    return "" if low is None or low < -(2**31) else f" of {low:,g} or more"
