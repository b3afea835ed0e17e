"""Cutting long texts where a special token begins, since no token spans that place."""

from collections.abc import Iterable, Sequence

MOST = 128
"""Occurrences of a name in a part. llama.cpp's time for a text grows with their square."""


def places(names: Sequence[str], others: Iterable[str]) -> list[str]:
    """Return the ``names`` before which a text can be cut without a change in what is recognized.

    Those whose first character begins nothing else: no other special token, and none of these, can
    then reach over the cut.
    """
    within = {letter for name in (*names, *others) for letter in name[1:]}
    return [name for name in names if name and name[0] not in within]


def cut(text: str, names: Iterable[str]) -> list[str]:
    """Return the parts of a text, each but the first one beginning with one of the names.

    No part has more than ``MOST`` of any name.
    """
    parts = [text]
    for name in names:
        parts = [piece for part in parts for piece in _cut(part, name)]
    return parts


def _cut(text: str, name: str) -> list[str]:
    if text.count(name) <= MOST:
        return [text]
    first, *rest = text.split(name)
    runs = [rest[start : start + MOST] for start in range(0, len(rest), MOST)]
    return [*([first] if first else []), *(name + name.join(run) for run in runs)]
