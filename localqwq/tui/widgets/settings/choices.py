"""A few values in a row, one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget


class Choices(Widget, can_focus=True):
    """``◉ one  ○ other``; arrows and clicks choose."""

    DEFAULT_CSS = """
    Choices {
        width: 1fr;
        height: auto;
        pointer: pointer;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Before", show=False),
        Binding("right,space", "move(1)", "Next", show=False),
    ]

    chosen: reactive[str] = reactive("", layout=True)
    """The chosen value."""

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, choices: Choices, value: str) -> None:
            super().__init__()
            self.choices = choices
            self.value = value

        @property
        def control(self) -> Choices:
            """The widget."""
            return self.choices

    def __init__(self, values: Sequence[tuple[str, str]], chosen: str) -> None:
        """Set up; ``values``: each with its label."""
        super().__init__()
        self._values = tuple(values)
        self.set_reactive(Choices.chosen, chosen)

    def offer(self, values: Sequence[tuple[str, str]]) -> None:
        """Offer other values, each with its label."""
        self._values = tuple(values)
        self.refresh(layout=True)

    def render(self) -> Content:
        """Mark the chosen one."""
        return self._content(self.size.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines that the values need."""
        return len(self._content(width).wrap(max(1, width)))

    def _content(self, width: int) -> Content:
        lines = self._lines(width)
        return Content("\n").join(
            [Content("  ").join([self._drawn(number) for number in line]) for line in lines]
        )

    def _lines(self, width: int) -> list[list[int]]:
        """Return the numbers of the values in each line: a mark stays with its word."""
        lines: list[list[int]] = [[]]
        used = 0
        for number, (_, shown) in enumerate(self._values):
            cells = cell_len(shown) + len("○ ")
            if lines[-1] and used + len("  ") + cells > width:
                lines.append([])
                used = 0
            used += cells + (len("  ") if lines[-1] else 0)
            lines[-1].append(number)
        return lines

    def _drawn(self, number: int) -> Content:
        value, shown = self._values[number]
        here = value == self.chosen
        style = Style(bold=here) + Style.from_meta({"choice": number})
        return Content.styled(f"{'◉' if here else '○'} {shown}", style)

    def on_click(self, event: Click) -> None:
        """Choose the clicked value."""
        if (number := event.style.meta.get("choice")) is not None:
            self._choose(self._values[number][0])

    def action_move(self, step: int) -> None:
        """Choose the previous or next value, cyclically."""
        values = [value for value, _ in self._values]
        here = values.index(self.chosen) if self.chosen in values else -step
        self._choose(values[(here + step) % len(values)])

    def _choose(self, value: str) -> None:
        if value != self.chosen:
            self.chosen = value
            self.post_message(self.Changed(self, value))
