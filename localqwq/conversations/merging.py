"""Merging lists of two stores, where the second replaces some conversations of the first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from localqwq.conversations.reading import Summary
from localqwq.conversations.search import Hit


def merged_summaries(
    stored: Sequence[Summary], held: Sequence[Summary], inside: Collection[int]
) -> list[Summary]:
    """Return both lists merged: pinned ones, then the others, the most recently written first.

    ``inside``: the conversations that only the second store counts for.
    """
    both = [*held, *(one for one in stored if one.id not in inside)]
    return sorted(both, key=lambda one: (not one.pinned, -one.updated, -one.id))


def merged_hits(stored: Sequence[Hit], held: Sequence[Hit], inside: Collection[int]) -> list[Hit]:
    """Return the hits of both: titles first, and those in memory before the rest."""
    both = [*held, *(hit for hit in stored if hit.conversation not in inside)]
    return sorted(both, key=lambda hit: hit.place != "title")
