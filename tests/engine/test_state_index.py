"""The search among stored states, and what goes when they are too many."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.engine.states.index import PrefixIndex, beyond, common_tokens, pack
from tests.stored_states import TOKENS, common


@given(TOKENS, TOKENS)
def test_common_tokens_are_counted(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Bisection over the packed bytes counts whole tokens."""
    assert common_tokens(pack(one), pack(other)) == common(one, other)


@given(st.lists(st.tuples(TOKENS.filter(bool), st.booleans()), max_size=12), TOKENS)
def test_index_finds_what_a_scan_finds(
    changes: list[tuple[tuple[int, ...], bool]], prompt: tuple[int, ...]
) -> None:
    """After any additions and removals the index answers as a list that is scanned does."""
    index: PrefixIndex[tuple[int, ...]] = PrefixIndex()
    model: set[tuple[int, ...]] = set()
    for tokens, adds in changes:
        longer = {other for other in model if other[: len(tokens)] == tokens}
        assert (index.covering(pack(tokens)) in longer) == bool(longer)
        if not adds:
            assert index.remove(pack(tokens)) == (tokens if tokens in model else None)
            model.discard(tokens)
        elif not longer:
            shorter = {other for other in model if tokens[: len(other)] == other}
            assert index.add(pack(tokens), tokens) == next(iter(shorter), None)
            model = model - shorter | {tokens}
    assert set(index.values()) == model
    best = max((common(tokens, prompt) for tokens in model), default=0)
    nearest = index.nearest(pack(prompt))
    if best == 0:
        assert nearest is None
    else:
        assert nearest is not None
        assert nearest[1] == best == common(nearest[0], prompt)
        assert len(nearest[0]) == min(len(t) for t in model if common(t, prompt) == best)


@given(st.integers(0, 20), st.lists(st.integers(0, 12), max_size=8))
def test_the_oldest_go_until_the_rest_fits(limit: int, sizes: list[int]) -> None:
    """What never fits goes, and of the others as few as possible, the oldest first."""
    things = list(enumerate(sizes))
    rest = [(number, size) for number, size in things if size <= limit]
    while sum(size for _, size in rest) > limit:
        rest.pop(0)
    stays = {number for number, _ in rest}
    assert beyond(limit, things) == [number for number, _ in things if number not in stays]
