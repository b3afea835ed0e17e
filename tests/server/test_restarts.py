"""The policy of restarts, for any history of deaths."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from localqwq.server.supervision.deaths import Shortage
from localqwq.server.supervision.restarts import (
    FIRST_WAIT,
    HEALTHY,
    LONGEST_WAIT,
    MOST,
    PERIOD,
    Restarts,
    restart_sentence,
)

SECONDS = st.integers(0, 400 * 64).map(lambda parts: parts / 64)
"""Without remainders, so that a clock which adds them up is exact."""
LIVES = st.lists(st.tuples(SECONDS, st.sampled_from(Shortage), st.booleans()), max_size=40)
"""Seconds of life, how it ended, and whether anything could be changed then."""


class Clock:
    """Stands still between the events of a history."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def histories(
    lives: list[tuple[float, Shortage, bool]],
) -> list[tuple[float, bool, bool, float]]:
    """When each death was, whether memory was blamed, something changed, and the wait; until there
    is no further life."""
    clock = Clock()
    restarts = Restarts(clock)
    history = []
    for seconds, shortage, changeable in lives:
        restarts.answering()
        clock.now += seconds
        blamed = restarts.died(shortage)
        wait = restarts.wait(changed=blamed and changeable)
        if wait is None:
            break
        history.append((clock.now, blamed, blamed and changeable, wait))
        clock.now += wait
    return history


@given(LIVES)
def test_memory_is_blamed_with_reason(lives: list[tuple[float, Shortage, bool]]) -> None:
    """Always where it is certain, never where nothing speaks for it."""
    for (_, shortage, _), (_, blamed, _, _) in zip(lives, histories(lives), strict=False):
        if shortage is not Shortage.LIKELY:
            assert blamed == (shortage is Shortage.CERTAIN)


@given(LIVES)
def test_it_gives_up(lives: list[tuple[float, Shortage, bool]]) -> None:
    """No five minutes have five restarts with nothing changed."""
    unchanged = [at for at, _, changed, _ in histories(lives) if not changed]
    for first, last in zip(unchanged, unchanged[MOST - 1 :], strict=False):
        assert last - first >= PERIOD


@given(LIVES)
def test_the_wait_doubles(lives: list[tuple[float, Shortage, bool]]) -> None:
    """Up to a bound; a minute of health makes the next death a first one."""
    expected = FIRST_WAIT
    for (seconds, _, _), (*_, wait) in zip(lives, histories(lives), strict=False):
        if seconds >= HEALTHY:
            expected = FIRST_WAIT
        assert wait == expected
        expected = min(2 * expected, LONGEST_WAIT)


def test_one_kill_may_have_been_a_person() -> None:
    """Two in a row were not, unless a healthy minute lies between them."""
    history = histories([(seconds, Shortage.LIKELY, True) for seconds in (1.0, 90.0, 1.0, 1.0)])
    assert [blamed for _, blamed, _, _ in history] == [False, False, True, True]
    assert all(first < last for (first, *_), (last, *_) in pairwise(history))


def test_the_sentence_says_what_is_changed() -> None:
    """If anything."""
    assert restart_sentence(None) == "It is being started again."
    assert restart_sentence("with a context of 4,096 tokens instead of 8,192") == (
        "It is being started again with a context of 4,096 tokens instead of 8,192."
    )
