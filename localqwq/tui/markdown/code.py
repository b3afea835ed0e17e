"""Code as lines on a ground of their own."""

from __future__ import annotations

from textual.content import Content

from localqwq.visible import visible_code

GROUND = "on $surface"
_QUIET = "$foreground 60%"


def header(language: str, width: int) -> Content:
    """The line above the code, which names its language."""
    return _grounded(Content.styled(f" {language}"[:width], _QUIET), width)


def code_lines(code: str, language: str, width: int) -> list[Content]:
    """The lines of `code`, highlighted, and folded where they are longer than `width` cells."""
    lines: list[Content] = []
    for line in _highlighted(visible_code(code), language).split("\n", allow_blank=True):
        folded = line.expand_tabs(4).fold(max(width - 2, 2)) or [Content("")]
        lines += (_grounded(Content(" ") + part, width) for part in folded)
    return lines


def _highlighted(code: str, language: str) -> Content:
    if not language:
        return Content(code)
    from textual.highlight import highlight  # brings Pygments, which not every answer needs

    return highlight(code, language=language)


def _grounded(line: Content, width: int) -> Content:
    return line.pad_right(max(width - line.cell_length, 0)).stylize_before(GROUND)
