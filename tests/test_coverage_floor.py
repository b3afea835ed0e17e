"""The floor of coverage only rises."""

from pathlib import Path

import pytest

from tests.coverage_floor import raised

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
FLOOR = "a = 1\nfail_under = 80.0\nb = 2\n"


@pytest.mark.parametrize(
    ("measured", "floor"), [(79.0, 80.0), (80.4, 80.0), (80.5, 80.0), (83.27, 82.7), (100, 99.5)]
)
def test_the_floor_rises_alone(measured: float, floor: float) -> None:
    """To half a percent below the measurement; all else stays."""
    assert raised(FLOOR, measured) == FLOOR.replace("80.0", f"{floor:.1f}")


def test_the_project_has_a_floor() -> None:
    """Which is in the place where coverage reads it."""
    text = PROJECT.read_text(encoding="utf-8")
    assert raised(text, 0) == text
    with pytest.raises(ValueError, match="fail_under"):
        raised("nothing", 90)
