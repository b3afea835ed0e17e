"""Values written as expressions of Java and JavaScript."""

import json
from typing import Any

from localqwq.evals.bfcl.calls import Wanted
from localqwq.evals.bfcl.literals import Language


def spelled_call(wanted: Wanted, call: dict[str, Any]) -> dict[str, Any]:
    """Return a call whose arguments are expressions of the language of what is wanted."""
    if wanted.language == "python" or call["arguments"] is None:
        return call
    arguments = {
        name: spelled(value, wanted.types.get(name, "any"), wanted.language, wanted.items.get(name))
        for name, value in call["arguments"].items()
    }
    return {**call, "arguments": arguments}


def spelled(value: Any, declared: str, language: Language, items: str | None = None) -> str:
    """Return an expression with a value; a text stands for itself where it may be a variable."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value}{_suffix(declared, language)}"
    if isinstance(value, list):
        inside = ", ".join(_element(one, items, language) for one in value)
        if language == "javascript":
            return f"[{inside}]"
        if declared == "Array":
            return f"new {items or 'Object'}[]{{{inside}}}"
        return f"new ArrayList<>(Arrays.asList({inside}))" if value else "new ArrayList<>()"
    if isinstance(value, dict):
        pairs = [(key, _element(one, None, language)) for key, one in value.items()]
        if language == "javascript":
            return "{" + ", ".join(f"{key}: {one}" for key, one in pairs) + "}"
        puts = " ".join(f"put({json.dumps(key)}, {one});" for key, one in pairs)
        return f"new HashMap<String, Object>() {{{{ {puts} }}}}"
    return str(value)


def _element(value: Any, items: str | None, language: Language) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return spelled(value, items or "any", language)


def _suffix(declared: str, language: Language) -> str:
    if language == "java":
        return {"long": "L", "float": "f"}.get(declared, "")
    return {"Bigint": "n"}.get(declared, "")
