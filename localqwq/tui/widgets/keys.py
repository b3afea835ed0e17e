"""The line of keys at the bottom of each screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

STEP = 4
"""Cells by which the mouse wheel scrolls a line that is too long."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is active now."""

    name: str
    """Its name in Textual."""
    display: str
    """Its name for people."""
    title: str
    help: str


class KeyLine(Widget, can_focus=False):
    """Shows the active keys; a click on one presses it.

    Textual's footer has a widget for each, and recreates and lays out all of them when one changes,
    which takes longer than drawing a line of an answer. This one is painted.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--title", "key-line--hover"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $background;
        pointer: pointer;

        & > .key-line--key { color: $footer-key-foreground; text-style: bold; }
        & > .key-line--title { color: $footer-description-foreground; }
        & > .key-line--hover { background: $block-hover-background; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: tuple[Key, ...] = ()
        """The keys shown."""
        self._left = 0
        self._hovered: int | None = None

    def on_mount(self) -> None:
        """Follow the changes of active bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self.call_after_refresh(self._look)

    def _look(self) -> None:
        if not self.is_attached:  # its screen has been left meanwhile
            return
        bindings: dict[str, Key] = {}
        for _, binding, _, tooltip in self.screen.active_bindings.values():
            if binding.show:
                display = self.app.get_key_display(binding)
                key = Key(binding.key, display, binding.description, tooltip)
                bindings.setdefault(binding.action, key)
        keys = tuple(bindings.values())
        if keys != self.keys:
            self.keys, self._hovered = keys, None
            self.refresh()

    def render(self) -> Content:
        """Return the keys and their titles."""
        key_style, title_style, hover = (
            self.get_visual_style(name, partial=True)
            for name in ("key-line--key", "key-line--title", "key-line--hover")
        )
        parts: list[Content] = []
        for index, key in enumerate(self.keys):
            part = Content.assemble((key.display, key_style), (f" {key.title}", title_style))
            if index == self._hovered:
                part = part.stylize(hover)
            parts.append(part.stylize(Style.from_meta({"key": index})))
        line = Content(" ").join(parts)
        self._left = max(0, min(self._left, line.cell_length - self.content_size.width))
        return line[self._left :]

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key."""
        index = event.style.meta.get("key")
        if index is not None and index < len(self.keys):
            event.stop()
            self.app.simulate_key(self.keys[index].name)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Explain the key under the mouse."""
        self._hover(event.style.meta.get("key"))

    def on_leave(self) -> None:
        """Remove the explanation."""
        self._hover(None)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll to the right."""
        self._move(STEP, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll to the left."""
        self._move(-STEP, event)

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            known = index is not None and index < len(self.keys)
            self.tooltip = self.keys[index].help if known and index is not None else None
            self.refresh()

    def _move(self, step: int, event: events.MouseEvent) -> None:
        event.stop()
        self._left = max(0, self._left + step)
        self.refresh()
