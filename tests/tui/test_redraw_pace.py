"""How often something that grows is drawn."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from localqwq.tui.widgets.transcript.redraw_pace import (
    LONGEST_SECONDS,
    REDRAW_SECONDS,
    SHARE,
    Pace,
)


def drawn(seconds: float, cost: float, beside: float) -> tuple[list[float], float]:
    """When it is drawn, and the processor time used, where a drawing costs so much processor
    time, and all else that part of one processor."""
    now = used = 0.0
    pace = Pace(lambda: now, lambda: used)
    times: list[float] = []
    while now < seconds:
        if pace.is_due:
            pace.begin()
            assert not pace.is_due
            times.append(now)
            now, used = now + cost, used + cost
            pace.end()
        now, used = now + REDRAW_SECONDS, used + beside * REDRAW_SECONDS
    return times, used


@given(st.floats(0.0001, 0.03), st.floats(0, 0.02))
def test_the_app_takes_no_more_than_its_share(cost: float, beside: float) -> None:
    """Ten times a second where that is cheap, and so seldom that its share is kept where not."""
    times, used = drawn(60, cost, beside)
    at_least = cost / LONGEST_SECONDS + beside  # nobody waits longer, whatever it costs
    assert used <= 60 * max(SHARE, at_least) * 1.15
    assert len(times) <= 60 / REDRAW_SECONDS * 1.15


def test_what_is_cheap_is_drawn_ten_times_a_second() -> None:
    """The first time at once."""
    times, _ = drawn(10, 0.002, 0.005)
    assert times[0] == 0
    assert 90 <= len(times) <= 110


@given(st.floats(0.05, 0.4), st.floats(0, 0.5))
def test_nobody_waits_for_long(cost: float, beside: float) -> None:
    """However dear a drawing is, what has come is seen soon."""
    times, _ = drawn(10, cost, beside)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps) <= max(LONGEST_SECONDS, cost) + REDRAW_SECONDS
