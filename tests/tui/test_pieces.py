"""The small pure parts of the app."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.tui.widgets.status import METER_CELLS, meter
from localqwq.tui.widgets.transcript.plain import CHUNK, split
from localqwq.tui.widgets.transcript.seam import ITEMS, seam
from localqwq.tui.widgets.transcript.thought import count, seconds


@given(st.text(alphabet="ab \n", max_size=3 * CHUNK), st.integers(0, 50))
def test_chunks_of_growing_text_are_its_lines(text: str, step: int) -> None:
    """However it grows, the chunks joined by line breaks are the text."""
    closed: list[str] = []
    rest = ""
    pieces = (
        [text] if not step else [text[i : i + step * 50] for i in range(0, len(text), step * 50)]
    )
    for piece in pieces:
        more, rest = split(rest + piece)
        closed += more
    assert "\n".join([*closed, rest]) == text
    assert all(len(chunk) <= CHUNK or "\n" not in chunk for chunk in [*closed, rest])


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_the_meter_has_one_width_and_shows_any_use(used: int, total: int) -> None:
    """The bar never changes its width, is empty only at zero and full at the end."""
    bar = meter(used, total)
    assert len(bar) == METER_CELLS
    assert bar.startswith("▰") == (used > 0)
    assert bar.endswith("▰") or used < total


def test_durations_and_counts_read_well() -> None:
    """Seconds with a tenth, minutes from sixty on, one token alone."""
    assert [seconds(s) for s in (0, 2.14, 59.96, 72)] == [
        "0.0 s",
        "2.1 s",
        "1 min 00 s",
        "1 min 12 s",
    ]
    assert [count(n) for n in (0, 1, 1310)] == ["0 tokens", "1 token", "1,310 tokens"]


@given(
    st.sampled_from(["", "A paragraph.\n\n", "```\n1. code\n```\n", "- other\n\n# Heading\n"]),
    st.sampled_from(["{n}. ", "- "]),
    st.lists(st.sampled_from(["short", "with *stars*", "a\n    - nested\n    - more"]), min_size=1),
    st.integers(1, 5),
)
def test_a_long_list_is_cut_between_its_items(
    before: str, marker: str, items: list[str], times: int
) -> None:
    """The first items stay with what is before them; the rest begins with the next item."""
    lines = [marker.format(n=n) + item for n, item in enumerate(items * times, 1)]
    source = before + "\n".join(lines)
    cut = seam(source)
    if len(lines) <= ITEMS:
        assert cut is None
    else:
        assert source[cut:] == "\n".join(lines[ITEMS:])


def test_only_a_list_at_the_end_is_cut() -> None:
    """Paragraphs and fences stay whole, whatever they hold."""
    assert seam("words " * 2 * ITEMS) is None
    assert seam("```\n" + "- code\n" * 2 * ITEMS) is None
    assert seam("- item\n" * 2 * ITEMS + "\nThe end.") is None
