"""Pieces of prompts: as long as the others do not notice, and never nothing."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.engine.prompt_pace import Pace

SECONDS = st.floats(1e-4, 5)
BATCHES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 512), SECONDS), max_size=30)


def settled(answer_s: float, token_s: float, step_s: float = 0.1) -> Pace:
    """What was learned from batches of a machine with these costs."""
    pace = Pace(step_s)
    for _ in range(20):
        pace.measure(1, 0, answer_s)
        pace.measure(1, 64, answer_s + 64 * token_s)
    return pace


@given(BATCHES)
def test_a_piece_always_has_a_token(batches: list[tuple[int, int, float]]) -> None:
    """Whatever was measured, a prompt goes on."""
    pace = Pace()
    for answering, reading, seconds in batches:
        pace.measure(answering, reading, seconds)
        assert pace.piece() >= 1


@given(st.floats(1e-3, 0.2), st.floats(5e-4, 0.05))
def test_a_batch_takes_no_longer_than_it_may(answer_s: float, token_s: float) -> None:
    """A tenth of a second, or twice what the answers alone take where that is more."""
    piece = settled(answer_s, token_s).piece()
    longest = max(0.1, 2 * answer_s)
    assert piece == 1 or answer_s + piece * token_s <= longest * 1.01
    assert answer_s + (piece + 1) * token_s >= longest * 0.98


@given(
    st.floats(1e-3, 0.02),
    st.floats(5e-4, 0.02),
    st.lists(st.tuples(st.integers(1, 8), st.integers(0, 40)), max_size=30),
    st.integers(1, 8),
)
def test_more_answers_take_longer(
    answer_s: float, token_s: float, batches: list[tuple[int, int]], count: int
) -> None:
    """What eight answers take is not taken for the time of the prompt beside them."""
    pace = Pace()
    pace.measure(0, 40, 40 * token_s)
    for answering, reading in [(1, 0), *batches, (count, 0)]:
        # The time of the first token, and of each of the others.
        pace.measure(answering, reading, answer_s + (answering - 1 + reading) * token_s)
    piece, answers = pace.piece(count), answer_s + (count - 1) * token_s
    longest = max(0.1, 2 * answers)
    assert piece == 1 or answers + piece * token_s <= longest * 1.01
    assert answers + (piece + 1) * token_s >= longest * 0.98


def test_slow_models_read_more_than_a_token() -> None:
    """Where a token takes 0.6 s anyway, a prompt of 4,000 tokens is not read one by one."""
    assert settled(answer_s=0.6, token_s=0.05).piece() >= 10


def test_deeper_pieces_are_shorter() -> None:
    """Reading gets dearer with what was read before; a few batches are enough to learn that."""
    pace = settled(answer_s=0.01, token_s=0.002)
    before = pace.piece()
    for _ in range(5):
        pace.measure(1, pace.piece(), 0.01 + pace.piece() * 0.02)
    assert pace.piece() < before / 5


@given(st.floats(1e-3, 0.2), st.floats(5e-4, 0.05))
def test_whole_prompts_may_take_longer(answer_s: float, token_s: float) -> None:
    """A quarter of a second, once; where answers take longer themselves, no more than a piece."""
    pace = settled(answer_s, token_s)
    whole, longest = pace.whole(), max(0.25, 2 * answer_s)
    assert whole >= pace.piece()
    assert whole == 1 or answer_s + whole * token_s <= longest * 1.01
    assert answer_s + (whole + 1) * token_s >= longest * 0.98
