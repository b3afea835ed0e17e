"""Grammars without recursion as Python's regular expressions: another reader of the same rules."""

import re

_TOKEN = re.compile(
    r'"((?:\\.|[^"\\])*)"|\[((?:\\.|[^\]\\])*)\]|([a-z0-9]+)|([()|])|([*+?]|\{\d+(?:,\d*)?\})|\s+',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:U([0-9A-F]{8})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def matcher(gbnf: str) -> re.Pattern[str]:
    """A pattern for the texts that the grammar takes."""
    rules = dict(line.split(" ::= ", 1) for line in gbnf.splitlines())
    return re.compile(_rule("root", rules, {}), re.DOTALL)


def _rule(name: str, rules: dict[str, str], known: dict[str, str]) -> str:
    if name not in known:
        known[name] = f"(?:{''.join(_expression(rules[name], rules, known))})"
    return known[name]


def _expression(body: str, rules: dict[str, str], known: dict[str, str]) -> list[str]:
    parts = []
    at = 0
    while at < len(body):
        match = _TOKEN.match(body, at)
        assert match is not None, body[at:]
        literal, points, name, bracket, quantifier = match.groups()
        if literal is not None:
            parts.append(f"(?:{re.escape(_ESCAPE.sub(_plain, literal))})")
        elif points is not None:
            parts.append("[" + _ESCAPE.sub(_in_class, points) + "]")
        elif name is not None:
            parts.append(_rule(name, rules, known))
        elif bracket is not None:
            parts.append(bracket.replace("(", "(?:"))
        elif quantifier is not None:
            parts.append(quantifier)
        at = match.end()
    return parts


def _plain(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _LETTERS.get(match[2], match[2])


def _in_class(match: re.Match[str]) -> str:
    return "\\" + f"U{ord(_plain(match)):08x}"
