"""The parts that operations of the OpenAPI description are made of."""

from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]

REF = "#/components/schemas/{model}"
"""Where the schema of a model is."""
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}


def object_of(required: dict[str, Json], **optional: Json) -> Json:
    """Return the schema of an object with these properties."""
    return {
        "type": "object",
        "properties": required | optional,
        "required": sorted(required),
    }


ERROR = object_of(
    {
        "error": object_of(
            {
                "message": {"type": "string", "minLength": 1},
                "type": TEXT,
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            }
        )
    }
)
_ERRORS = {
    400: "The request is not valid.",
    401: "The API key is missing or wrong.",
    403: "The request comes from a web page that is not allowed.",
    404: "There is nothing with this id.",
    409: "The model is no longer thinking.",
    413: "The body is too large.",
    415: "The body is not JSON, or is compressed other than with gzip.",
    429: "Too many requests are waiting.",
    500: "The server failed.",
    503: "The model is loading, or the server is shutting down.",
}
_ALWAYS = (401, 403, 500, 503)
_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}


def get(summary: str, schema: Json, kind: str = "application/json") -> Json:
    """Return a GET operation."""
    return {"get": {"summary": summary, "responses": responses(schema, kind=kind)}}


def post(summary: str, body: type[BaseModel] | None, schema: Json, *more: int) -> Json:
    """Return an operation; ``more``: statuses of errors beside the usual ones."""
    if body is None:
        return {"post": {"summary": summary, "responses": responses(schema, *more)}}
    content = {"schema": {"$ref": REF.format(model=body.__name__)}}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": responses(schema, 400, 413, 415, *more),
        }
    }


def generation(summary: str, body: type[BaseModel], schema: Json, chunk: Json) -> Json:
    """Return an operation that answers as a whole, or as a stream of OpenAI's chunks."""
    operation = post(summary, body, schema, 429)
    content = {"anyOf": [chunk, {"$ref": REF.format(model="Error")}]}
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": content}
    event = object_of({"data": TEXT}) | {
        "description": "A chunk, or the error that ended it; [DONE] is the last.",
        "if": {"properties": {"data": {"const": "[DONE]"}}},
        "else": {"properties": {"data": data}},
    }
    operation["post"]["responses"]["200"]["content"]["text/event-stream"] = {"itemSchema": event}
    return operation


def typed_generation(
    summary: str, body: type[BaseModel], schema: Json, event: Json, *more: int
) -> Json:
    """Return an operation that answers as a whole, or as a stream of named events."""
    operation = post(summary, body, schema, 429, *more)
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": event}
    item = object_of({"event": TEXT, "data": data})
    operation["post"]["responses"]["200"]["content"]["text/event-stream"] = {"itemSchema": item}
    return operation


def with_errors(path: Json, model: str) -> Json:
    """Return a path whose errors have the form of another API."""
    for operation in path.values():
        for status, response in operation["responses"].items():
            if status != "200":
                schema = {"$ref": REF.format(model=model)}
                response["content"] = {"application/json": {"schema": schema}}
    return path


def of_id(path: Json, *more: int) -> Json:
    """Return a path with an id; ``more``: statuses of errors beside the usual ones."""
    (operation,) = path.values()
    errors = responses(TEXT, *more)
    operation["responses"] |= {str(status): errors[str(status)] for status in more}
    operation["parameters"] = [_ID]
    return path


def responses(schema: Json, *more: int, kind: str = "application/json") -> Json:
    """Return the responses of an operation; ``more``: statuses of errors beside the usual ones."""
    described: Json = {"200": {"description": "Done.", "content": {kind: {"schema": schema}}}}
    content = {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}
    for status in sorted({*_ALWAYS, *more}):
        described[str(status)] = {"description": _ERRORS[status], "content": content}
        if status in (429, 503):
            described[str(status)]["headers"] = {"Retry-After": {"schema": COUNT}}
    return described
