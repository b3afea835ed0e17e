"""Converting message trees of other programs to trees of turns.

In them, an answer may be several consecutive messages (a thought, a call, the text), and invisible
messages stand between visible ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from localqwq.conversations.tally import Kind, Tally
from localqwq.conversations.turns import Attachment, Measures, Role, Turn, leaf

LONGEST_RUN = 100
"""Maximum number of consecutive messages of one role merged into a turn."""


@dataclass(frozen=True, slots=True)
class Node:
    """A message in a tree."""

    parent: str | None
    """The parent's id; for the first message, None or an id that does not exist."""
    role: Role | None
    """The role; None for a message that is left out."""
    text: str = ""
    thought: str = ""
    model: str = ""
    created: float = 0.0
    thought_seconds: float = 0.0
    attachments: tuple[Attachment, ...] = ()
    note: str = ""
    """One sentence on how it ended."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive messages of one role, from the last one back."""

    id: str
    node: Node
    before: _Run | None = None
    length: int = 1

    def nodes(self) -> list[tuple[str, Node]]:
        """Return them from the first to the last."""
        run: _Run | None = self
        found = []
        while run is not None:
            found.append((run.id, run.node))
            run = run.before
        return found[::-1]


@dataclass(slots=True)
class _Tree:
    """The visible messages: the children of each, and the visible ancestor of each hidden one."""

    children: defaultdict[str | None, list[str]] = field(default_factory=lambda: defaultdict(list))
    shown: dict[str, str | None] = field(default_factory=dict)
    """For each message, itself or the nearest visible one before it."""


def parents(given: Mapping[str, object], children: Mapping[str, object]) -> dict[str, str | None]:
    """Return the parent of each message, by its own statement or else by the parent's.

    Args:
        given: the parent that each message states; anything but a string counts as none.
        children: the list of children of each message.
    """
    said: dict[str, str] = {}
    for number, following in children.items():
        for child in following if isinstance(following, list) else ():
            if isinstance(child, str):
                said.setdefault(child, number)
    return {
        number: parent if isinstance(parent, str) else said.get(number)
        for number, parent in given.items()
    }


def grow(
    nodes: Mapping[str, Node], current: str | None, tally: Tally
) -> tuple[list[Turn], int] | None:
    """Return the turns, parents first, and the turn with the message ``current``.

    None if nothing is visible. Messages that cannot be reached from a first one are counted as left
    out; the order of ``nodes`` is that of branches.
    """
    tree = _shown(nodes)
    lost = sum(1 for number in nodes if number not in tree.shown and nodes[number].role is not None)
    tally.leave(Kind.UNREACHED, lost)
    turns: list[Turn] = []
    places: dict[str, int] = {}
    waiting: list[tuple[_Run, int | None]] = [
        (_Run(first, nodes[first]), None) for first in reversed(tree.children[None])
    ]
    while waiting:
        run, parent = waiting.pop()
        same: list[str] = []
        other: list[str] = []
        for child in tree.children[run.id]:
            goes_on = nodes[child].role == run.node.role and run.length < LONGEST_RUN
            (same if goes_on else other).append(child)
        if other or not same:
            turns.append(_turn(len(turns) + 1, parent, run))
            places.update((number, len(turns)) for number, _ in run.nodes())
        behind = len(turns)
        steps = [(_Run(child, nodes[child]), behind) for child in other]
        longer = [(_Run(child, nodes[child], run, run.length + 1), parent) for child in same]
        waiting.extend(reversed(steps + longer))
    if not turns:
        return None
    shown = tree.shown.get(current) if current is not None else None
    if shown is not None:
        return turns, places[shown]
    last = next(turn.id for turn in reversed(turns) if turn.parent is None)
    return turns, leaf({turn.id: turn for turn in turns}, last)


def _shown(nodes: Mapping[str, Node]) -> _Tree:
    """Return the tree without the messages that are left out."""
    children: defaultdict[str | None, list[str]] = defaultdict(list)
    for number, node in nodes.items():
        children[node.parent if node.parent in nodes else None].append(number)
    tree = _Tree()
    waiting: list[tuple[str, str | None]] = [(first, None) for first in reversed(children[None])]
    while waiting:
        number, before = waiting.pop()
        if nodes[number].role is not None:
            tree.children[before].append(number)
            before = number
        tree.shown[number] = before
        waiting.extend((child, before) for child in reversed(children[number]))
    return tree


def _turn(number: int, parent: int | None, run: _Run) -> Turn:
    nodes = [node for _, node in run.nodes()]
    assert run.node.role is not None
    return Turn(
        number,
        parent,
        run.node.role,
        text="\n\n".join(node.text for node in nodes if node.text),
        thought="\n\n".join(node.thought for node in nodes if node.thought),
        model=run.node.model,
        created=nodes[0].created,
        measures=Measures(thought_seconds=sum(node.thought_seconds for node in nodes)),
        attachments=tuple(each for node in nodes for each in node.attachments),
        note=" ".join(node.note for node in nodes if node.note),
    )
