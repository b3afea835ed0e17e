"""Fields for the form of the answer, under the names of various servers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import Part, SamplingFields

Json = dict[str, Any]

_TYPES = ("text", "json_object", "json_schema", "grammar", "regex", "choice")
_STRICT = {"type": ["boolean", "null"]}
_SCHEMA_DESCRIBED = {
    "type": "object",
    "properties": {"schema": {"type": ["object", "boolean"]}, "strict": _STRICT},
    "required": ["schema"],
}


def _kind(name: str, field: str, form: Json) -> Json:
    properties = {"type": {"const": name}, field: form}
    return {"properties": properties, "required": ["type", field]}


_DESCRIBED = {
    "type": "object",
    "anyOf": [
        {"properties": {"type": {"enum": ["text", "json_object"]}}, "required": ["type"]},
        _kind("json_schema", "json_schema", _SCHEMA_DESCRIBED),
        _kind("grammar", "grammar", {"type": "string"}),
        _kind("regex", "pattern", {"type": "string"}),
        _kind("choice", "choices", {"type": "array", "items": {"type": "string"}}),
    ],
}


def _format(value: Json) -> Json:
    """Return the form unchanged; its details are checked when the grammar is made."""
    kind = value.get("type")
    if kind not in _TYPES:
        raise ValueError(f"must have the type {', '.join(_TYPES[:-1])} or {_TYPES[-1]}")
    if kind == "json_schema":
        described = value.get("json_schema")
        if not isinstance(described, dict) or not isinstance(described.get("schema"), dict | bool):
            raise ValueError('must have a json_schema: {"name": …, "schema": {…}}')
        if not isinstance(described.get("strict", False), bool | None):
            raise ValueError("must have true or false for strict")
    return value


def _schema(value: Any) -> Any:
    """Return a JSON schema, which may be text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("must be a JSON schema") from None
        if not isinstance(value, dict | bool):
            raise ValueError("must be a JSON schema, which is an object")
    return value


ResponseFormat = Annotated[Json, AfterValidator(_format), WithJsonSchema(_DESCRIBED)]
Schema = Annotated[
    Json | bool | str,
    AfterValidator(_schema),
    WithJsonSchema({"type": ["object", "boolean", "string"]}),
]
_OBJECT = WithJsonSchema({"type": ["object", "boolean"]})
_ANY_OBJECT = {"type": "json_object"}
ChoiceTexts = Annotated[list[str], Field(min_length=1)]


class StructuredOutputs(Part):
    """The answer's form as in vLLM: one of these fields."""

    model_config = ConfigDict(extra="forbid")

    json_: Schema | None = Field(default=None, alias="json")
    """A JSON schema."""
    json_object: bool | None = None
    """Any JSON object."""
    regex: str | None = None
    """A regular expression that the whole answer matches."""
    choice: ChoiceTexts | None = None
    """The texts of which the answer is one."""
    grammar: str | None = None
    """A grammar in GBNF."""


class FormFields(SamplingFields):
    """Sampling, and the form of the answer."""

    response_format: ResponseFormat | None = None
    """Constrains the answer, but not the thought: `json_object`; `json_schema` with a schema;
    `grammar` with a `grammar` in GBNF; `regex` with a `pattern`; `choice` with `choices`."""
    grammar: str | None = None
    """A grammar in GBNF for the answer, under llama-server's name."""
    json_schema: Annotated[Json | bool, _OBJECT] | None = None
    """A JSON schema for the answer, under llama-server's name."""
    guided_json: Schema | None = None
    """A JSON schema for the answer, under vLLM's name."""
    guided_regex: str | None = None
    """A regular expression that the whole answer matches, under vLLM's name."""
    guided_choice: ChoiceTexts | None = None
    """The texts of which the answer is one, under vLLM's name."""
    guided_grammar: str | None = None
    """A grammar in GBNF for the answer, under vLLM's name."""
    structured_outputs: StructuredOutputs | None = None
    """The answer's form under vLLM's newer names."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if len(names := list(self._forms())) > 1:
            raise ValueError(f"only one of {' and '.join(names)} may be given")
        return self

    @property
    def form(self) -> Mapping[str, Any] | None:
        """Return the form of the answer, whichever field states it."""
        return next(iter(self._forms().values()), None)

    @contextmanager
    def naming_form(self) -> Iterator[None]:
        """Make the engine's rejection of the form name the request's own field."""
        try:
            yield
        except InvalidRequestError as error:
            if error.param == "response_format":
                error.param = next(iter(self._forms()), error.param)
            raise

    def _forms(self) -> dict[str, Json]:
        """Return the requested forms by their fields, as ``response_format`` writes them."""
        wanted = self.response_format
        outputs = self.structured_outputs or StructuredOutputs.model_construct()
        is_form = wanted is not None and wanted["type"] != "text"
        forms = {
            "response_format": wanted if is_form else None,
            "json_schema": _by_schema(self.json_schema),
            "grammar": _own("grammar", "grammar", self.grammar),
            "guided_json": _by_schema(self.guided_json),
            "guided_grammar": _own("grammar", "grammar", self.guided_grammar),
            "guided_regex": _own("regex", "pattern", self.guided_regex),
            "guided_choice": _own("choice", "choices", self.guided_choice),
            "structured_outputs.json": _by_schema(outputs.json_),
            "structured_outputs.grammar": _own("grammar", "grammar", outputs.grammar),
            "structured_outputs.regex": _own("regex", "pattern", outputs.regex),
            "structured_outputs.choice": _own("choice", "choices", outputs.choice),
            "structured_outputs.json_object": _ANY_OBJECT if outputs.json_object else None,
        }
        return {name: form for name, form in forms.items() if form is not None}


def _by_schema(schema: Json | bool | str | None) -> Json | None:
    if schema is None:
        return None
    return {"type": "json_schema", "json_schema": {"schema": schema}}


def _own(kind: str, key: str, value: str | list[str] | None) -> Json | None:
    """Return a form other than JSON; programs send an empty one for none."""
    return {"type": kind, key: value} if value else None
