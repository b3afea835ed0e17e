"""The line under a turn, in whatever room there is."""

from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from localqwq.tui.widgets.transcript.foot import GAP, MORE, OF_ANSWERS, pages

HINTS = [Content(f"{hint.key} {hint.label}") for hint in OF_ANSWERS]


@given(st.integers(-20, 160))
def test_everything_can_be_reached_in_any_room(room: int) -> None:
    """Nothing is left out, nothing comes twice, and no page is longer than the line if it need not
    be."""
    found = pages(HINTS, room)
    assert [hint for page in found for hint in page] == HINTS
    more = GAP + MORE.plain if len(found) > 1 else ""
    for page in found:
        line = GAP.join(hint.plain for hint in page) + more
        assert len(line) <= room or len(page) == 1
