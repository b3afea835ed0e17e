"""Bytes against divergence, as a picture."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from localqwq.packs.picture import Point, drawing, placed, svg

POINTS = st.lists(
    st.builds(
        Point,
        st.sampled_from(("Q4_K_M", "Q8_0", "<&>")),
        st.integers(1, 10**12),
        st.floats(-1e-6, 20),
    ),
    min_size=1,
    max_size=8,
)


@given(POINTS)
def test_points_keep_their_order(points: list[Point]) -> None:
    """Larger files to the right, larger divergences above; all within the picture."""
    places = placed(points)
    for (across, up), point in zip(places, points, strict=True):
        assert 0 <= across <= 1
        assert 0 <= up <= 1
        for (other_across, other_up), other in zip(places, points, strict=True):
            assert other_across <= across or other.bytes > point.bytes
            assert other_up <= up or other.divergence > point.divergence


@given(POINTS)
def test_both_pictures_show_them(points: list[Point]) -> None:
    """The SVG is well-formed, whatever names contain; the drawing has a mark for a point."""
    root = ElementTree.fromstring(svg(points, "a <title>"))
    circles = [element for element in root if element.tag.endswith("circle")]
    assert len(circles) == len(points)
    assert "●" in "\n".join(drawing(points))
