"""The policy of restarts, for any history of deaths."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.server.deaths import Shortage
from localqwq.server.restarts import (
    FIRST_WAIT,
    HEALTHY,
    LONGEST_WAIT,
    MOST,
    PERIOD,
    Restart,
    Restarts,
)

SHORTAGES = st.sampled_from(Shortage)
CONTEXTS = st.integers(256, 131_072)
LIVES = st.lists(st.tuples(st.floats(0, 400), SHORTAGES), max_size=40)
"""Seconds of life, and how it ended."""


class Clock:
    """Stands still between the events of a history."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def histories(context: int, lives: list[tuple[float, Shortage]]) -> list[tuple[float, Restart]]:
    """When each death was, and what followed it, until nothing did."""
    clock = Clock()
    restarts = Restarts(context, clock)
    history = []
    for seconds, shortage in lives:
        restarts.answering()
        clock.now += seconds
        restart = restarts.died(shortage)
        if restart is None:
            break
        history.append((clock.now, restart))
        clock.now += restart.wait
    return history


@given(CONTEXTS, LIVES)
def test_the_context_only_shrinks(context: int, lives: list[tuple[float, Shortage]]) -> None:
    """By halves, never under 2,048 tokens, and only where memory may have been the reason."""
    before = context
    for (_, shortage), (_, restart) in zip(lives, histories(context, lives), strict=False):
        assert restart.before == before
        assert restart.context in (before, max(before // 2, 2048))
        assert restart.context >= min(context, 2048)
        if shortage is Shortage.NO:
            assert restart.context == before
        if shortage is Shortage.CERTAIN and before > 2048:
            assert restart.context < before
        before = restart.context


@given(CONTEXTS, LIVES)
def test_it_gives_up(context: int, lives: list[tuple[float, Shortage]]) -> None:
    """No five minutes have five restarts with nothing changed."""
    unchanged = [
        at for at, restart in histories(context, lives) if restart.context == restart.before
    ]
    for first, last in zip(unchanged, unchanged[MOST - 1 :], strict=False):
        assert last - first >= PERIOD


@given(CONTEXTS, LIVES)
def test_the_wait_doubles(context: int, lives: list[tuple[float, Shortage]]) -> None:
    """Up to a bound; a minute of health makes the next death a first one."""
    expected = FIRST_WAIT
    for (seconds, _), (_, restart) in zip(lives, histories(context, lives), strict=False):
        if seconds >= HEALTHY:
            expected = FIRST_WAIT
        assert restart.wait == expected
        expected = min(2 * expected, LONGEST_WAIT)


def test_one_kill_may_have_been_a_person() -> None:
    """Two in a row were not, unless a healthy minute lies between them."""
    clock = Clock()
    restarts = Restarts(32_768, clock)
    contexts = []
    for seconds in (1, 90, 1, 1):
        restarts.answering()
        clock.now += seconds
        restart = restarts.died(Shortage.LIKELY)
        assert restart is not None
        contexts.append(restart.context)
    assert contexts == [32_768, 32_768, 16_384, 8192]


def test_the_sentence_says_what_is_changed() -> None:
    """In tokens, if anything."""
    assert Restart(1, 4096, 4096).sentence == "It is being started again."
    assert Restart(1, 4096, 8192).sentence == (
        "It is being started again with a context of 4,096 tokens instead of 8,192."
    )
