"""Conversations as chains of pieces that share their beginnings: pure logic.

A piece is a range of tokens after the pieces before it. Its id is a hash of its parent's id, of
where it begins and of its tokens, so that it stands for all tokens up to its end. A conversation
that leaves another in the middle of a piece continues there: it uses the beginning of that piece.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from localqwq.engine.states.packed import TOKEN_BYTES, common_tokens

Blob = bytes | bytearray | memoryview
"""The output of ``llama_state_seq_get_data``; a view has items of one byte."""

_WORTH_SHARING = 64
"""Tokens of a piece that another conversation must need, since it is loaded whole."""

NO_PARENT = "0" * 32


def hashed(data: bytes) -> str:
    """Return the 32 hexadecimal digits that identify something in a file's name."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def piece_id(parent: str, start: int, tokens: bytes) -> str:
    """Return the id of a piece after the one with the id ``parent``."""
    return hashed(bytes.fromhex(parent) + start.to_bytes(8, "little") + tokens)


@dataclass(eq=False, slots=True)
class Piece:
    """A range of a conversation's tokens and their KV state, in RAM, on disk or both."""

    start: int
    """Its first token's position."""
    tokens: bytes = field(repr=False)
    """Its packed tokens."""
    parent: "Piece | None" = field(default=None, repr=False)
    """The piece before it, which ends at ``start`` or later; ``None`` for the first."""
    id: str = ""
    blob: Blob | None = field(default=None, repr=False)
    """Its state, if it is in RAM."""
    size: int = 0
    """Bytes of its state."""
    on_disk: bool = False
    used: int = 0
    """Larger means used more recently; at least as large as that of any piece behind it."""
    reach: int = 0
    """Tokens of the longest conversation that was seen to use it."""
    children: "list[Piece]" = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        """Compute the id."""
        self.id = self.id or piece_id(self.parent_id, self.start, self.tokens)

    @property
    def parent_id(self) -> str:
        """The parent's id, or :data:`NO_PARENT`."""
        return NO_PARENT if self.parent is None else self.parent.id

    @property
    def end(self) -> int:
        """The position after its last token."""
        return self.start + len(self.tokens) // TOKEN_BYTES

    @property
    def follows_its_parent(self) -> bool:
        """Whether it has tokens that begin where its parent has some, or at the very beginning."""
        before = (-1, 0) if self.parent is None else (self.parent.start, self.parent.end)
        return before[0] < self.start <= before[1] and bool(self.tokens)

    def chain(self) -> "list[Piece]":
        """Return the pieces from the conversation's beginning to this one."""
        found: list[Piece] = []
        piece: Piece | None = self
        while piece is not None:
            found.append(piece)
            piece = piece.parent
        return found[::-1]


class PieceTree:
    """All pieces of one key."""

    def __init__(self) -> None:
        self._first: list[Piece] = []
        self._by_id: dict[str, Piece] = {}

    def __contains__(self, piece: Piece) -> bool:
        """Return whether it is one of the pieces here."""
        return self._by_id.get(piece.id) is piece

    def __iter__(self) -> Iterator[Piece]:
        """Iterate over the pieces as they are now, in no particular order."""
        return iter(list(self._by_id.values()))

    def get(self, id_: str) -> Piece | None:
        """Return the piece with this id."""
        return self._by_id.get(id_)

    def add(self, piece: Piece) -> None:
        """Add a piece with a new id, whose parent is here."""
        self._by_id[piece.id] = piece
        self._siblings(piece).append(piece)

    def remove(self, piece: Piece) -> list[Piece]:
        """Remove a piece and those behind it, which are useless without it; return them all."""
        if piece not in self:
            return []
        self._siblings(piece).remove(piece)
        removed = [piece]
        for one in removed:
            del self._by_id[one.id]
            removed.extend(one.children)
            one.children = []
        return removed

    def nearest(self, tokens: bytes, least: int = 1) -> tuple[Piece | None, int]:
        """Return the piece in which the longest beginning of these tokens ends, and its length.

        Of several pieces the one that ends first, because pieces are loaded whole. A piece counts
        if ``least`` of its tokens are among these, or all.
        """
        best, longest = None, 0
        open_ = list(self._first)
        while open_:
            piece = open_.pop()
            at = piece.start * TOKEN_BYTES
            common = common_tokens(piece.tokens, tokens[at : at + len(piece.tokens)])
            if common < min(least, piece.end - piece.start):
                continue
            end = piece.start + common
            if best is None or (end, -piece.end) > (longest, -best.end):
                best, longest = piece, end
            open_.extend(child for child in piece.children if child.start <= end)
        return best, longest

    def cover(self, tokens: bytes, most: int) -> list[Piece]:
        """Return the chain for these tokens: pieces that are here, then new ones, not added yet.

        New ones have at most ``most`` tokens each.
        """
        last, at = self.nearest(tokens, _WORTH_SHARING)
        chain = [] if last is None else last.chain()
        left = len(tokens) // TOKEN_BYTES - at
        count = -(-left // most)
        for number in range(count):
            start, end = at + left * number // count, at + left * (number + 1) // count
            parent = chain[-1] if chain else None
            piece = Piece(start, tokens[start * TOKEN_BYTES : end * TOKEN_BYTES], parent)
            chain.append(self.get(piece.id) or piece)
        return chain

    def _siblings(self, piece: Piece) -> list[Piece]:
        return self._first if piece.parent is None else piece.parent.children


def uses(chain: Sequence[Piece], count: int) -> Iterator[tuple[Piece, int]]:
    """Yield each piece of a chain that the first ``count`` tokens need, and where its use ends."""
    for index, piece in enumerate(chain):
        following = chain[index + 1].start if index + 1 < len(chain) else piece.end
        if piece.start < count:
            yield piece, min(following, count)
