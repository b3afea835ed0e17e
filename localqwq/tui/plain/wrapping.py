"""Growing text as whole lines, since text must not be read aloud letter by letter."""

from __future__ import annotations

from rich.cells import cell_len

_FENCE = "```"


class Wrapping:
    """Wraps text at spaces to a width; code keeps its lines.

    A line is returned once it is complete. Words wider than a line stay whole.
    """

    def __init__(self, width: int) -> None:
        """Set up; ``width``: cells of a line."""
        self._width = width
        self._rest = ""
        self._in_code = False
        self._is_blank = True
        """Whether only blank lines have come."""

    def feed(self, text: str) -> list[str]:
        """Return the lines completed by this text."""
        *whole, self._rest = (self._rest + text).split("\n")
        lines = [line for one in whole for line in self._ended(one)]
        if not (self._in_code or self._rest.startswith(_FENCE)):
            *full, self._rest = self._cut(self._rest)
            lines += full
        return self._without_lead(lines)

    def end(self) -> list[str]:
        """Return what is left, as no more comes."""
        rest, self._rest = self._rest, ""
        lines = self._ended(rest) if rest.strip() else []
        return self._without_lead(lines)

    def _ended(self, line: str) -> list[str]:
        line = line.rstrip()
        if line.lstrip().startswith(_FENCE):
            self._in_code = not self._in_code
            return [line]
        return [line] if self._in_code else self._cut(line)

    def _cut(self, line: str) -> list[str]:
        """Return the line in pieces that fit, the last of which may grow."""
        pieces = []
        while cell_len(line) > self._width:
            place = self._place(line)
            if place is None:
                break
            pieces.append(line[:place].rstrip())
            line = line[place + 1 :].lstrip(" ")
        return [*pieces, line]

    def _place(self, line: str) -> int | None:
        """Return the last space before which the beginning fits, else the first space; None without
        any.
        """
        indent = len(line) - len(line.lstrip(" "))
        found = None
        cells = cell_len(line[:indent])
        for place, letter in enumerate(line[indent:], indent):
            if letter == " ":
                found = place
            cells += cell_len(letter)
            if cells > self._width and found is not None:
                return found
        return found

    def _without_lead(self, lines: list[str]) -> list[str]:
        while self._is_blank and lines and not lines[0]:
            del lines[0]
        self._is_blank = self._is_blank and not lines
        return lines
