"""Where one types besides the prompt: fields whose cursor does not blink.

Drawing it twice a second is what an idle app would spend most on.
"""

from __future__ import annotations

from textual.reactive import reactive
from textual.widgets import Input, TextArea


class Field(Input):
    """A line to type into."""

    cursor_blink = reactive(False, init=False)


class TextField(TextArea):
    """Lines to type into."""

    cursor_blink = reactive(False, init=False)
