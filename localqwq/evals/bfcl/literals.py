"""Values that are written as expressions of Java or JavaScript.

Only what the leaderboard's questions need is read: literals, and lists and maps of literals.
Anything else, such as the name of a variable, is its own text.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

Language = Literal["python", "java", "javascript"]

_JAVA_NUMBERS = {
    **dict.fromkeys(("byte", "short", "integer"), re.compile(r"-?\d+")),
    "long": re.compile(r"-?\d+[lL]"),
    "float": re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[fF]"),
    "double": re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"),
}
_JAVASCRIPT_NUMBERS = {
    "integer": re.compile(r"-?\d+"),
    "Bigint": re.compile(r"-?\d+n"),
    "float": re.compile(r"-?\d+(?:\.\d+)?"),
}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[lLfFn]?")
_FRACTIONAL = ("float", "double")
_TEXTS = ("String", "char")
_LISTS = ("array", "Array", "ArrayList", "Queue", "Stack", "Set")
_MAPS = ("dict", "HashMap", "Hashtable")
_JAVA_LIST = re.compile(
    r"new\s+[\w.<>?]+\s*\[\s*\]\s*\{(?P<array>.*)\}|"
    r"(?:new\s+\w*List\s*<.*?>\s*\(\s*)?(?:Arrays\.asList|List\.of)\s*\((?P<list>.*?)\)\s*\)?|"
    r"new\s+\w*List\s*<.*?>\s*\(\s*\)\s*(?:\{\{(?P<added>.*)\}\})?",
    re.DOTALL,
)
_JAVA_MAP = re.compile(
    r"(?:new\s+\w*Map\s*<.*?>\s*\(\s*)?Map\.of\s*\((?P<pairs>.*?)\)\s*\)?|"
    r"new\s+\w*Map\s*<.*?>\s*\(\s*\)\s*(?:\{\{(?P<put>.*)\}\})?",
    re.DOTALL,
)
_JAVASCRIPT_LIST = re.compile(r"\[(?P<array>.*)\]|new\s+Array\s*\((?P<list>.*)\)", re.DOTALL)
_JAVASCRIPT_MAP = re.compile(r"\{(?P<pairs>.*)\}", re.DOTALL)
_CALL = re.compile(r"(?:add|put)\s*\((?P<arguments>.*)\)", re.DOTALL)
_OPENING, _CLOSING = "([{", ")]}"


def value_of(text: str, declared: str, language: Language, items: str | None = None) -> Any:
    """Return the value of an expression; its text if it is none of the declared type.

    ``declared`` and ``items``: the types of the value and its elements, as the data call them.
    """
    text = text.strip()
    numbers = _JAVA_NUMBERS if language == "java" else _JAVASCRIPT_NUMBERS
    if (form := numbers.get(declared)) is not None and form.fullmatch(text):
        return _number(text, fractional=declared in _FRACTIONAL)
    if declared in ("boolean", "Boolean") and text in ("true", "false"):
        return text == "true"
    if declared in _TEXTS:
        return _unquoted(text)
    if declared in _LISTS and (elements := _elements(text, language)) is not None:
        return [_element(element, items, language) for element in elements]
    if declared in _MAPS and (pairs := _pairs(text, language)) is not None:
        return {_unquoted(key): _any(value, language) for key, value in pairs}
    return text


def split(text: str, separator: str = ",") -> Iterator[str]:
    """Yield the parts between separators that stand in no quotes and no brackets."""
    depth, quote, begin, place = 0, "", 0, 0
    while place < len(text):
        sign = text[place]
        if quote:
            place += sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        elif sign == separator and depth == 0:
            yield text[begin:place].strip()
            begin = place + 1
        place += 1
    if last := text[begin:].strip():
        yield last


def _element(text: str, declared: str | None, language: Language) -> Any:
    if declared in (None, "any"):
        return _any(text, language)
    return value_of(text, declared, language)


def _any(text: str, language: Language) -> Any:
    """Return the value of an expression whose type nobody has declared."""
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return _number(text, fractional=bool(re.search(r"[.eEfF]", text)))
    if (elements := _elements(text, language)) is not None:
        return [_any(element, language) for element in elements]
    if (pairs := _pairs(text, language)) is not None:
        return {_unquoted(key): _any(value, language) for key, value in pairs}
    return _unquoted(text)


def _elements(text: str, language: Language) -> list[str] | None:
    form = _JAVA_LIST if language == "java" else _JAVASCRIPT_LIST
    found = form.fullmatch(text)
    if found is None:
        return None
    groups = found.groupdict()
    if groups.get("added") is not None:
        return [argument for call in _calls(groups["added"]) for argument in call]
    return list(split(groups["array"] or groups["list"] or ""))


def _pairs(text: str, language: Language) -> list[tuple[str, str]] | None:
    form = _JAVA_MAP if language == "java" else _JAVASCRIPT_MAP
    found = form.fullmatch(text)
    if found is None:
        return None
    groups = found.groupdict()
    inside = groups["pairs"] or ""
    if language == "javascript":
        parts = [list(split(pair, ":")) for pair in split(inside)]
    elif groups["put"] is not None:
        parts = list(_calls(groups["put"]))
    else:
        words = list(split(inside))
        parts = [words[place : place + 2] for place in range(0, len(words), 2)]
    return [(part[0], part[1]) for part in parts] if all(len(part) == 2 for part in parts) else None


def _calls(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of ``add`` or ``put``."""
    for statement in split(text, ";"):
        if (call := _CALL.fullmatch(statement)) is not None:
            yield list(split(call["arguments"]))


def _number(text: str, *, fractional: bool) -> int | float:
    plain = text.rstrip("lLfFn")
    return float(plain) if fractional else int(plain)


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text
