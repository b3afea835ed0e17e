"""The program in an answer."""

import re

_BLOCK = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)[^\n]*\n"
    r"(?P<code>.*?)^[ \t]*(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_PYTHON = frozenset({"", "python", "python3", "py", "py3"})


def program_of(answer: str, defining: str | None = None) -> str | None:
    """Return the last fenced block of Python, or None without one.

    ``defining``: the name of a function or class; the last block that defines it is preferred, as
    an example of its use may follow. A block that is never closed, because the answer was cut off,
    does not count.
    """
    blocks = [
        found["code"] for found in _BLOCK.finditer(answer) if found["language"].lower() in _PYTHON
    ]
    if defining is not None:
        definition = re.compile(
            rf"^[ \t]*(?:async[ ]+def|def|class)[ ]+{re.escape(defining)}\b", re.M
        )
        blocks = [block for block in blocks if definition.search(block)] or blocks
    return blocks[-1] if blocks else None
