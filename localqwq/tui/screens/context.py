"""What fills the context, in full sentences."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from localqwq.client.limits import ContextLimits
from localqwq.tui.session.context_fill import PARTS, Fill, scaling
from localqwq.tui.widgets.context_bar import PATTERNS, STYLES, bar
from localqwq.tui.widgets.keys import KeyLine

MEANINGS = {
    "system": "the system prompt",
    "tools": "the tools that the model may call",
    "history": "prompts and answers so far",
    "results": "calls of tools and their results",
    "thought": "the current thought",
    "answer": "the answer being written",
    "draft": "the prompt that is not sent yet",
    "free": "free for thought and answer",
}


class ContextScreen(ModalScreen[None]):
    """A popup with the bar, its parts and an explanation of growth."""

    CSS_PATH = "popup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "leave", "Close", key_display="esc")
    ]
    COMMAND: ClassVar[str] = "context"

    def __init__(
        self, fill: Fill, limits: ContextLimits | None, thought: int, *, keeps_thoughts: bool
    ) -> None:
        """Set up; ``thought``: tokens of the last, finished thought."""
        super().__init__()
        self._fill = fill
        self._limits = limits
        self._thought = thought
        self._keeps = keeps_thoughts

    def action_leave(self) -> AwaitComplete:
        """Close the popup."""
        return self.dismiss()

    def compose(self) -> ComposeResult:
        """Show the bar, one line for each part, and sentences."""
        with VerticalScroll(id="popup") as popup:
            popup.border_title = "Context"
            limits = self._limits
            if limits is None:
                yield Static(
                    Content(
                        f"{self._fill.used:,} tokens are used; this endpoint does not say how "
                        "many fit."
                    )
                )
            else:
                yield Static(bar(self._fill, limits.tokens, 48), classes="gap")
                yield Static(self._table(limits), classes="gap")
                yield Static(Content(scaling(limits)), classes="gap")
            yield Static(Content(self._thoughts()))
        yield KeyLine()

    def _table(self, limits: ContextLimits) -> Content:
        entries = [
            (name, self._fill.part(name))
            for name in PARTS
            if self._fill.part(name) or name not in ("tools", "results")
        ]
        entries.append(("free", max(0, limits.tokens - self._fill.used)))
        about = "" if self._fill.is_exact else "~"
        lines = [
            Content.assemble(
                (PATTERNS[name] * 2, STYLES[name]),
                f" {name:<8}{about + format(tokens, ','):>9}  ",
                (MEANINGS[name], "$text-muted"),
            )
            for name, tokens in entries
        ]
        total = Content(f"   {'all':<8}{limits.tokens:>9,}")
        return Content("\n").join([*lines, total])

    def _thoughts(self) -> str:
        if self._keeps:
            return "Thoughts are kept: the model reads all of them again with each prompt."
        if self._thought:
            return (
                f"The last thought had {self._thought:,} tokens. Thoughts stay on the screen and "
                "in the store, but the model does not read them again with the next prompt."
            )
        return (
            "Thoughts are not read again with the next prompt, so they take up context only once."
        )
