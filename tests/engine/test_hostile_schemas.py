"""Schemas that keep llguidance busy without end, or end its process: nothing of it reaches us."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from localqwq.engine.engine import Engine, GenerationRequest, RequestRefused
from localqwq.engine.grammar_trials import GrammarTrials
from localqwq.engine.load_options import LoadOptions
from localqwq.errors import LocalqwqError
from localqwq.reasoning.json_grammar import schema_value
from localqwq.reasoning.lark import grammar, json_value
from localqwq.reasoning.messages import Message

MANY = {"anyOf": [{"const": index} for index in range(400)]}


def chain(length: int, way: str) -> dict[str, Any]:
    """Definitions each of which leads to the next."""

    def link(number: int) -> dict[str, Any]:
        on = {"$ref": f"#/$defs/{number}"}
        ways: dict[str, dict[str, Any]]
        ways = {"ref": on, "allOf": {"allOf": [on]}, "items": {"type": "array", "items": on}}
        return ways.get(way, {"properties": {"a": on}})

    definitions = {str(n): link(n + 1) for n in range(length)}
    return {"$defs": {**definitions, str(length): {"type": "null"}}, "$ref": "#/$defs/0"}


HOSTILE = [
    chain(3000, "ref"),
    chain(3000, "allOf"),
    chain(3000, "properties"),
    chain(3000, "items"),
    {"allOf": [MANY, MANY, MANY]},
    {"type": "integer", "multipleOf": 99_999_989},
    {"type": "object", "properties": {f"p{n}": {} for n in range(250)}, "minProperties": 1},
    {"type": "string", "pattern": "(" * 20_000 + "a" + ")" * 20_000},
    {"allOf": [{"type": "string", "pattern": f".*{letter}.{{12}}"} for letter in "abcdefghij"]},
    {"type": "array", "minItems": 10**9},
]


@pytest.fixture(scope="module")
def engine(demo_gguf: Path) -> Iterator[Engine]:
    """The demo."""
    with Engine.load(demo_gguf, LoadOptions(context=512, threads=1)) as engine:
        yield engine


@pytest.mark.parametrize("schema", HOSTILE, ids=[*map(str, range(len(HOSTILE)))])
def test_they_are_refused_with_a_sentence(engine: Engine, schema: Any) -> None:
    """In less than a few seconds of processor time, and the engine goes on."""
    form = {"type": "json_schema", "json_schema": {"schema": schema, "strict": True}}
    messages: list[Message] = [{"role": "user", "content": "Hi"}]
    began = time.process_time()
    with pytest.raises(RequestRefused) as caught:
        engine.prepare(GenerationRequest(messages=messages, response_format=form))
    assert time.process_time() - began < 5
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    form = {"type": "choice", "choices": ["yes"]}
    engine.prepare(GenerationRequest(messages=messages, response_format=form))


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "integer", "multipleOf": 99_999_989}, "seconds"),
        (chain(20_000, "properties"), "deep"),
    ],
)
def test_what_passes_the_checks_ends_in_the_process(schema: Any, says: str) -> None:
    """It is told, and the process is replaced."""
    with closing(GrammarTrials(seconds=1)) as trials:
        assert says in trials.problem(grammar("value", f"value: {json_value(schema)}"))
        assert trials.problem(grammar('"a"')) == ""


def test_deep_schemas_have_stack_enough() -> None:
    """Those that are as deep as they may be."""
    schema: Any = {"type": "null"}
    for level in range(45):
        schema = {"properties": {f"p{level}": schema}} if level % 2 else {"items": schema}
    with closing(GrammarTrials()) as trials:
        assert schema_value(schema, trials.problem, strict=True)


def test_no_trials_after_the_end() -> None:
    """Of a model that was closed."""
    trials = GrammarTrials()
    trials.close()
    with pytest.raises(LocalqwqError, match="closed"):
        trials.problem(grammar('"a"'))
