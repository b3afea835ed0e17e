"""Lists of two stores as one, where the second has some conversations in the place of the first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from localqwq.conversations.reading import Summary
from localqwq.conversations.search import Hit


def merged_summaries(
    stored: Sequence[Summary], held: Sequence[Summary], inside: Collection[int]
) -> list[Summary]:
    """The list of both: the pinned ones, then the others, each the last one written to first.

    `inside`: the conversations of which only the second store counts.
    """
    both = [*held, *(one for one in stored if one.id not in inside)]
    return sorted(both, key=lambda one: (not one.pinned, -one.updated, -one.id))


def merged_hits(stored: Sequence[Hit], held: Sequence[Hit], inside: Collection[int]) -> list[Hit]:
    """What was found in both: titles first, and what only memory has before the rest."""
    both = [*held, *(hit for hit in stored if hit.conversation not in inside)]
    return sorted(both, key=lambda hit: hit.place != "title")
