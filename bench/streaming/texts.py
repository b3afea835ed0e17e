"""Texts of any length, of one kind each, as models write them."""

import random
import re
from collections.abc import Iterator
from itertools import count, islice

CASES = ("paragraphs", "list", "fence", "table", "thought")
_WORDS = """
the of and to in is that for it as was with be by on not this are or from at which have an they one
all their there been if more when will would who what some time number larger point decimal compare
because therefore digit follows value result carefully
"""
_PIECE = re.compile(r"\s*[^\s\w]|\s*\w{1,7}|\s+")
"""About what a token is."""
_STARTS = {
    "fence": "```python\n",
    "table": "| Number | What it is | Why |\n|---:|---|---|\n",
}


def tokens(case: str, number: int) -> list[str]:
    """The first `number` tokens of an endless text."""
    pieces = (piece for part in _parts(case) for piece in _PIECE.findall(part))
    return list(islice(pieces, number))


def _parts(case: str) -> Iterator[str]:
    yield _STARTS.get(case, "")
    source = random.Random(1)
    words = _WORDS.split()

    def some(least: int, most: int) -> str:
        return " ".join(source.choice(words) for _ in range(source.randint(least, most)))

    for n in count(1):
        match case:
            case "list":
                yield f"{n}. **{some(1, 2)}**: {some(6, 20)}.\n"
            case "fence":
                yield f"    x{n} = f({n}, '{some(2, 5)}')  # {some(1, 4)}\n"
            case "table":
                yield f"| {n} | {some(1, 4)} | {some(2, 7)} |\n"
            case _:
                yield some(8, 20).capitalize() + (". " if n % 4 else ".\n\n")
