"""The search among stored pieces, and what goes when they are too many."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.engine.states.packed import TOKEN_BYTES, beyond, common_tokens, pack
from localqwq.engine.states.pieces import Piece, PieceTree, uses
from tests.stored_states import TOKENS, common, tokens_of

LONG = st.lists(st.integers(0, 3), max_size=5).map(
    lambda kinds: [token for kind in kinds for token in range(100 * kind, 100 * kind + 40)]
)
"""Conversations of blocks of 40 tokens, of which many begin alike."""


@given(TOKENS, TOKENS)
def test_common_tokens_are_counted(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Bisection over the packed bytes counts whole tokens."""
    assert common_tokens(pack(one), pack(other)) == common(one, other)


def whole(piece: Piece) -> list[int]:
    """All tokens up to a piece's end."""
    before = [] if piece.parent is None else whole(piece.parent)[: piece.start]
    assert len(before) == piece.start
    return [*before, *tokens_of(piece.tokens)]


@given(st.lists(st.tuples(LONG, st.integers(7, 200), st.booleans()), max_size=8), LONG)
def test_the_tree_finds_what_a_scan_finds(
    changes: list[tuple[list[int], int, bool]], prompt: list[int]
) -> None:
    """After any additions and removals the tree answers as a list that is scanned does."""
    tree = PieceTree()
    for tokens, most, removes in changes:
        chain = tree.cover(pack(tokens), most)
        for piece in chain:
            if piece not in tree:
                assert len(piece.tokens) <= most * TOKEN_BYTES
                tree.add(piece)
        assert tree.nearest(pack(tokens))[1] == len(tokens)
        if removes and chain:
            gone = tree.remove(chain[len(chain) // 2])
            assert chain[-1] in gone
            assert not any(piece in tree for piece in gone)
    assert len({piece.id for piece in tree}) == len(list(tree))
    assert all(piece.follows_its_parent for piece in tree)
    best = max((common(whole(piece), prompt) for piece in tree), default=0)
    last, found = tree.nearest(pack(prompt))
    assert found == best
    assert (last is None) == (best == 0)
    if last is not None:
        assert common(whole(last), prompt) == best
        ends = [piece.end for piece in tree if common(whole(piece), prompt) == best]
        assert last.end == min(end for end in ends if end >= best)
        have = 0
        for piece, end in uses(last.chain(), best):
            assert piece.start == have or piece.start < have
            have = end
        assert have == best


def test_what_begins_alike_is_there_once() -> None:
    """A branch begins in the middle of a piece, unless it shares so little that loading it costs
    more.
    """
    stem = list(range(1000, 1100))
    for shared, pieces, first in ((80, 2, 80), (64, 2, 64), (63, 2, 0), (100, 2, 100)):
        tree = PieceTree()
        for piece in tree.cover(pack(stem), 1000):
            tree.add(piece)
        branch = [*stem[:shared], *range(2000, 2050)]
        chain = tree.cover(pack(branch), 1000)
        tree.add(chain[-1])
        assert len(list(tree)) == pieces
        assert chain[-1].start == first
        assert whole(chain[-1]) == branch


@given(st.integers(0, 20), st.lists(st.integers(0, 12), max_size=8))
def test_the_oldest_go_until_the_rest_fits(limit: int, sizes: list[int]) -> None:
    """What never fits goes, and of the others as few as possible, the oldest first."""
    things = list(enumerate(sizes))
    rest = [(number, size) for number, size in things if size <= limit]
    while sum(size for _, size in rest) > limit:
        rest.pop(0)
    stays = {number for number, _ in rest}
    assert beyond(limit, things) == [number for number, _ in things if number not in stays]
