"""Batches that nothing can end half-way: short enough, and no shorter than that."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.engine.batch_limit import LONGEST_S, SMALLEST, SMALLEST_WITH_HOST, BatchLimit

MOST = 512


def settled(fixed_s: float, token_s: float, smallest: int = SMALLEST) -> int:
    """Tokens of a batch after some, where each takes so long, and so much more for each token."""
    limit = BatchLimit(MOST, smallest)
    for _ in range(20):
        tokens = limit.tokens()
        limit.measure(tokens, fixed_s + tokens * token_s)
    return limit.tokens()


@given(st.floats(0, 0.01), st.floats(1e-6, 0.02))
def test_nobody_waits_longer_than_the_limit(fixed_s: float, token_s: float) -> None:
    """And the next larger batch would take longer, or there is none."""
    tokens = settled(fixed_s, token_s)
    assert tokens == SMALLEST or fixed_s + tokens * token_s <= LONGEST_S
    assert tokens == MOST or fixed_s + 2 * tokens * token_s > LONGEST_S


@given(st.floats(0, 0.01), st.floats(1e-6, 0.02))
def test_no_batch_is_tried_that_would_take_longer(fixed_s: float, token_s: float) -> None:
    """After the two smallest, from which the time of the next one follows."""
    limit = BatchLimit(MOST)
    for _ in range(20):
        tokens = limit.tokens()
        seconds = fixed_s + tokens * token_s
        assert tokens <= 2 * SMALLEST or seconds <= LONGEST_S * (1 + 1e-9)
        limit.measure(tokens, seconds)


@given(st.floats(0.2, 5), st.floats(1e-6, 0.1))
def test_work_that_every_batch_has_is_not_multiplied(fixed_s: float, token_s: float) -> None:
    """Weights that are copied for each batch: no more time goes to that than to the tokens, and
    nobody waits three times as long as for the shortest batch."""
    tokens = settled(fixed_s, token_s, SMALLEST_WITH_HOST)
    assert tokens in (SMALLEST_WITH_HOST, MOST) or tokens * token_s >= fixed_s / 2
    shortest = fixed_s + SMALLEST_WITH_HOST * token_s
    assert fixed_s + tokens * token_s <= 3 * shortest


def test_a_first_batch_that_takes_long() -> None:
    """Drivers compile their programs then: what is learned of it is forgotten."""
    limit = BatchLimit(MOST)
    for number in range(30):
        tokens = limit.tokens()
        limit.measure(tokens, 0.01 + (5 if number < 3 else 0))
    assert limit.tokens() == MOST


@given(st.floats(0, 0.05), st.floats(1e-6, 0.02), st.floats(0, 5))
def test_first_batches_of_each_size_that_take_long(
    fixed_s: float, token_s: float, compiling_s: float
) -> None:
    """Longer batches are not allowed for that: it only seems to be the fixed costs of each."""
    limit = BatchLimit(MOST)
    seen = set()
    for _ in range(30):
        tokens = limit.tokens()
        seconds = fixed_s + tokens * token_s
        limit.measure(tokens, seconds if tokens in seen else seconds + compiling_s)
        seen.add(tokens)
    tokens = limit.tokens()
    shortest = fixed_s + SMALLEST * token_s
    assert tokens == SMALLEST or fixed_s + tokens * token_s <= max(LONGEST_S, 1.5 * shortest)


def test_longer_contexts_make_batches_shorter() -> None:
    """Attention makes tokens dearer; back in a short context, batches are long again."""
    limit = BatchLimit(MOST)
    sizes = []
    for token_s in (1e-4, 4e-3, 1e-4):
        for _ in range(20):
            tokens = limit.tokens()
            limit.measure(tokens, tokens * token_s)
        sizes.append(limit.tokens())
    assert sizes == [MOST, 32, MOST]


@given(st.integers(1, 600), st.lists(st.tuples(st.integers(1, 600), st.floats(1e-6, 9))))
def test_there_is_always_room_for_a_token(most: int, batches: list[tuple[int, float]]) -> None:
    """Whatever was measured, and however little room there is."""
    limit = BatchLimit(most)
    for tokens, seconds in batches:
        limit.measure(tokens, seconds)
        assert 1 <= limit.tokens() <= most
