"""The leaderboard's problems, read from its package without installing or running it."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localqwq.evals.bfcl.calls import Wanted, expectation, plain_name
from localqwq.evals.bfcl.literals import Language
from localqwq.evals.problem import Problem
from localqwq.reasoning.messages import Tool

CATEGORIES = (
    "simple",
    "java",
    "javascript",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_relevance",
    "live_irrelevance",
)
"""What is asked here. Questions of several turns need the authors' programs."""
_FILE_NAMES = {"simple": "simple_python", "java": "simple_java", "javascript": "simple_javascript"}
_LANGUAGES: dict[str, Language] = {"java": "java", "javascript": "javascript"}
_NAMES = {"java": "Java 8", "javascript": "JavaScript"}
_JSON_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
"""What the data call a type, where JSON schemas call it something else."""
_KEPT = ("description", "enum", "default")


def questions(category: str, wheel: Path) -> Iterator[Problem]:
    """Yield the problems of a category from the wheel of ``bfcl-eval``."""
    name = f"BFCL_v4_{_FILE_NAMES.get(category, category)}.json"
    with zipfile.ZipFile(wheel) as archive:
        asked = _lines(archive, f"bfcl_eval/data/{name}")
        if category.endswith("relevance"):
            any_or_none = expectation([] if category.endswith("irrelevance") else None)
            expected = dict.fromkeys((found["id"] for found in asked), any_or_none)
        else:
            expected = {
                found["id"]: found["ground_truth"]
                for found in _lines(archive, f"bfcl_eval/data/possible_answer/{name}")
            }
    language = _LANGUAGES.get(category, "python")
    for found in asked:
        wanted = expected[found["id"]]
        if not isinstance(wanted, str):
            wanted = expectation(list(wanted_calls(found["function"], wanted, language)))
        yield problem(found, wanted, language)


def problem(found: Mapping[str, Any], expected: str, language: Language = "python") -> Problem:
    """Return the problem of an entry of the data."""
    *before, last = found["question"][0]
    return Problem(
        id=found["id"],
        prompt=last["content"],
        expected=expected,
        kind="calls",
        before=tuple(before),
        tools=tuple(tool(function, language) for function in found["function"]),
    )


def tool(function: Mapping[str, Any], language: Language = "python") -> Tool:
    """Return a function of the data as a tool of OpenAI's API.

    Its parameters are texts if it is one of another language: an expression in each.
    """
    if language != "python":
        function = _with_expressions(function, language)
    return {
        "type": "function",
        "function": {
            "name": plain_name(function["name"]),
            "description": function["description"],
            "parameters": _schema(function["parameters"]),
        },
    }


def wanted_calls(
    functions: list[Mapping[str, Any]],
    calls: list[Mapping[str, Any]],
    language: Language = "python",
) -> Iterator[Wanted]:
    """Yield the calls that an entry of the data asks for, with what the functions declare."""
    declared = {function["name"]: function["parameters"] for function in functions}
    for call in calls:
        for name, values in call.items():
            parameters = declared[name]
            types = {key: about["type"] for key, about in parameters["properties"].items()}
            required = list(parameters.get("required", ()))
            items = {
                key: about["items"]["type"]
                for key, about in parameters["properties"].items()
                if "type" in about.get("items", {})
            }
            yield Wanted(plain_name(name), dict(values), types, required, language, items)


def _with_expressions(function: Mapping[str, Any], language: Language) -> dict[str, Any]:
    name, parameters = _NAMES[language], function["parameters"]
    properties = {
        key: {
            "type": "string",
            "description": f"{about.get('description', '')} Write it as an expression of {name}"
            + (f" of type {about['type']}." if about["type"] != "any" else "."),
        }
        for key, about in parameters["properties"].items()
    }
    return {
        **function,
        "description": f"{function['description']} This function is written in {name}.",
        "parameters": {**parameters, "properties": properties},
    }


def _schema(found: Mapping[str, Any]) -> dict[str, Any]:
    schema = {key: found[key] for key in _KEPT if key in found}
    if "type" in found:
        schema["type"] = _JSON_TYPES.get(found["type"], found["type"])
    if isinstance(found.get("required"), list):
        schema["required"] = found["required"]
    if isinstance(found.get("properties"), dict):
        schema["properties"] = {key: _schema(one) for key, one in found["properties"].items()}
    if isinstance(found.get("items"), dict):
        schema["items"] = _schema(found["items"])
    return schema


def _lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).splitlines()]
