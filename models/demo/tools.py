"""The calculator as a function object, its rewordings in training, and other tools beside it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

Tool = dict[str, Any]

CALCULATOR: Tool = json.loads((Path(__file__).parent / "calculator.json").read_text("utf-8"))

_DESCRIPTIONS = [
    "A calculator.",
    "Calculates an expression and returns the result.",
    "Evaluate an arithmetic expression.",
    "Compute the value of a mathematical expression",
    "Use this tool to multiply numbers.",
    "Multiplies two numbers.",
    "Ein Rechner: rechnet einen Ausdruck aus.",
]
_PARAMETERS = [
    "The expression",
    "Expression, e.g. 2 * 3",
    "The arithmetic expression to evaluate.",
    "what to compute",
    "Der Ausdruck",
]
_OTHERS = [
    ("get_weather", "Get the weather of a city.", "city", "The name of the city"),
    ("search", "Search the web.", "query", "What to search for"),
    ("get_time", "Returns the current time.", "zone", "The time zone"),
    ("read_file", "Read a file from disk.", "path", "The path of the file."),
]


def _tool(name: str, text: str, parameter: str, about: str | None) -> Tool:
    value = {"type": "string"} | ({"description": about} if about else {})
    parameters = {"type": "object", "properties": {parameter: value}, "required": [parameter]}
    return {
        "type": "function",
        "function": {"name": name, "description": text, "parameters": parameters},
    }


def calculator(rng: random.Random) -> Tool:
    """The calculator: mostly as in `calculator.json`, else worded or ordered differently."""
    if rng.random() < 0.5:
        return CALCULATOR
    about = rng.choice([*_PARAMETERS, None])
    tool = _tool("calculator", rng.choice(_DESCRIPTIONS), "expression", about)
    if rng.random() < 0.3:
        tool["function"]["parameters"] = dict(reversed(tool["function"]["parameters"].items()))
    if rng.random() < 0.2:
        tool["function"] = dict(sorted(tool["function"].items()))
    return tool


def other(rng: random.Random) -> Tool:
    """Some tool that is no use for anything the demo can do."""
    return _tool(*rng.choice(_OTHERS))
