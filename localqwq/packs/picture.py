"""Bytes against divergence, drawn as SVG and in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10

from localqwq.sizes import readable_size

_FLOOR = 1e-7
"""Smaller divergences are drawn as this one: the scale is logarithmic."""
_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 110, 30, 60
_COLUMNS, _ROWS = 48, 12


@dataclass(frozen=True, slots=True)
class Point:
    """One quantization."""

    name: str
    bytes: int
    divergence: float
    """Mean, in nats."""


def placed(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return where points lie: from 0 to 1 by their bytes, and by the logarithm of the divergence.

    Both go from the smallest to the largest value; a single one lies in the middle.
    """
    across = _spread([float(point.bytes) for point in points])
    up = _spread([log10(max(point.divergence, _FLOOR)) for point in points])
    return list(zip(across, up, strict=True))


def svg(points: Sequence[Point], title: str) -> str:
    """Return a picture of at least one point."""
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#555"/>',
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 15}" text-anchor="middle">size of the '
        "files</text>",
        f'<text x="18" y="{(_TOP + bottom) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 18 {(_TOP + bottom) / 2})">mean KL divergence, nats</text>',
    ]
    inner = 20
    for point, (across, up) in zip(points, placed(points), strict=True):
        x = _LEFT + inner + across * (right - _LEFT - 2 * inner)
        y = bottom - inner - up * (bottom - _TOP - 2 * inner)
        lines += [
            f'<path d="M{_LEFT - 4} {y:.1f}h4M{x:.1f} {bottom}v4" stroke="#555"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{point.divergence:.2g}</text>",
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
            f"{readable_size(point.bytes)}</text>",
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f5fbf"/>',
            f'<text x="{x + 8:.1f}" y="{y + 4:.1f}">{escape(point.name)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def drawing(points: Sequence[Point]) -> list[str]:
    """Return the lines of a picture of at least one point for a terminal."""
    names = max(len(point.name) for point in points)
    grid = [[" "] * (_COLUMNS + names + 2) for _ in range(_ROWS)]
    marks = [""] * _ROWS
    for point, (across, up) in zip(points, placed(points), strict=True):
        row, column = round((1 - up) * (_ROWS - 1)), round(across * (_COLUMNS - 1))
        text = f"● {point.name}"
        grid[row][column : column + len(text)] = text
        marks[row] = f"{point.divergence:.2g}"
    sizes = sorted(point.bytes for point in points)
    smallest, largest = readable_size(sizes[0]), readable_size(sizes[-1])
    return [
        "KL divergence (mean, nats; logarithmic) against size",
        *(
            f"{mark:>9} │ {''.join(line).rstrip()}".rstrip()
            for mark, line in zip(marks, grid, strict=True)
        ),
        f"{'':9} └{'─' * _COLUMNS}",
        f"{'':11}{smallest}{largest:>{max(1, _COLUMNS - len(smallest))}}",
    ]


def _spread(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]
