"""Input fields besides the prompt, with a cursor that does not blink.

A blinking cursor would be the largest cost of an idle app.
"""

from __future__ import annotations

from textual.reactive import reactive
from textual.widgets import Input, TextArea


class Field(Input):
    """A single-line input."""

    cursor_blink = reactive(False, init=False)


class TextField(TextArea):
    """A multi-line input."""

    cursor_blink = reactive(False, init=False)
