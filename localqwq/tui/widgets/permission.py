"""A question above the prompt: whether the model may make a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import Input, Static

from localqwq.visible import visible_code

if TYPE_CHECKING:
    from localqwq.agent.permission import Decision, Question, Span

GLANCE_S = 0.5
"""Seconds that a question must have been on the screen; earlier keys were meant for something else.
"""
TO_QUESTION = "tab"
"""The key that moves the focus to the question."""
_SPANS: dict[str, Span] = {"y": "once", "c": "conversation", "a": "always"}


class PermissionLine(Vertical):
    """Hidden while nothing is asked. The prompt offers it each key first.

    A key answers only if the prompt is empty and the question was there to be read. With text in
    the prompt, or with the focus in the transcript, a click answers, and so does a key after Tab
    has moved the focus here; that is said.
    """

    can_focus = False
    DEFAULT_CSS = """
    PermissionLine {
        display: none;
        height: auto;
        padding: 0 2;

        &.-asked { display: block; }

        & > VerticalScroll {
            height: auto;
            max-height: 10;
            scrollbar-size-vertical: 1;
        }
        & > VerticalScroll > #words { width: 1fr; height: auto; }
        & > #keys {
            height: auto;
            color: $text-muted;
            link-style: none;
            link-color: $text-muted;
            link-background-hover: $surface;
            link-color-hover: $foreground;
            link-style-hover: none;
        }
        &.-ready.-direct > #keys { color: $foreground; link-color: $foreground; }
        &:focus > #keys { background: $surface; }
        & > Input { display: none; height: 1; border: none; padding: 0; background: $background; }
        &.-why > Input { display: block; }
        &.-why > #keys { display: none; }
    }
    ChatScreen.-tall PermissionLine > VerticalScroll { max-height: 20; }
    """

    @dataclass
    class Answered(Message):
        """The person has decided."""

        decision: Decision

    class Left(Message):
        """The focus should go back to the prompt."""

    BINDINGS: ClassVar = []

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up; ``clock`` is that of Textual's events."""
        super().__init__()
        self._clock = clock
        self.gets_keys: Callable[[], bool] = lambda: True
        """Whether a key that is not Tab comes here as things are."""
        self._question: Question | None = None
        self._since: float | None = None
        self._words = Static(id="words")
        self._keys = Static(id="keys")
        self._reason = Input(
            placeholder="Why not? The model reads it; Enter alone gives no reason."
        )

    @property
    def is_ready(self) -> bool:
        """Whether a key pressed now may answer."""
        return self._may_answer(self._clock())

    def ask(self, question: Question) -> None:
        """Show a question; it can be answered once it was visible for a moment."""
        self._question, self._since = question, None
        if not self.children:  # most sessions never ask, and the first screen waits for nothing
            self.mount_all([VerticalScroll(self._words, can_focus=False), self._keys, self._reason])
        self.remove_class("-ready", "-why")
        self.add_class("-asked")
        self.can_focus = True
        self._words.update(_words(question))
        self.look()
        self._reason.clear()
        self.call_after_refresh(self._seen, question)

    def look(self) -> None:
        """Show which keys answer now: the focus, or the prompt's text, may have changed."""
        if self._question is not None:
            is_direct = self.gets_keys()
            self.set_class(is_direct, "-direct")
            self._keys.update(_keys(self._question, is_direct))

    def settle(self) -> None:
        """Show nothing: nothing waits for a decision any more."""
        had_focus = self.has_focus or self.has_focus_within
        self._question = None
        self.remove_class("-asked", "-ready", "-why")
        self.can_focus = False
        if had_focus:
            self.post_message(self.Left())

    def offered(self, event: events.Key, is_empty: bool) -> bool:
        """Take a key pressed in the prompt if it answers; return whether it did.

        ``is_empty``: whether the prompt is.
        """
        if self.has_class("-why"):  # the next letters of a reason, typed at once
            if event.is_printable:
                self._reason.insert_text_at_cursor(event.character or "")
            return event.is_printable
        if not self._may_answer(event.time):
            return False
        if event.key == TO_QUESTION:
            self.focus()
            return True
        return is_empty and self._answer(event.key)

    def on_key(self, event: events.Key) -> None:
        """Answer by a key while the focus is here."""
        if self.has_focus and self._may_answer(event.time) and self._answer(event.key):
            event.stop()

    def action_answer(self, key: str) -> None:
        """Answer by a click on a key."""
        self._answer(key)

    @on(Input.Submitted)
    def _refuse(self, event: Input.Submitted) -> None:
        from localqwq.agent.permission import Denied

        event.stop()
        self.post_message(self.Answered(Denied(event.value.strip())))

    def _seen(self, question: Question) -> None:
        if question is self._question:
            self._since = self._clock()
            self.set_timer(GLANCE_S, self._show_ready)

    def _show_ready(self) -> None:
        if self.is_ready:
            self.add_class("-ready")

    def _may_answer(self, pressed: float) -> bool:
        since = self._since
        return self._question is not None and since is not None and pressed >= since + GLANCE_S

    def _answer(self, key: str) -> bool:
        from localqwq.agent.permission import Allowed

        if self._question is None:
            return False
        if key == "n":
            self.add_class("-why")
            self._reason.focus()
        elif (span := _SPANS.get(key)) is not None:
            self.post_message(self.Answered(Allowed(span)))
        return key == "n" or span is not None


def _words(question: Question) -> Content:
    """Return what the call would do, and how its tool has changed since it was allowed."""
    lines = [("The model wants to call a tool: ", ""), (visible_code(question.words), "bold")]
    if question.before:
        changed = f"{question.planned.call.name} has changed since you allowed it:\n"
        lines = [(visible_code(f"{changed}{question.change()}\n"), "$text-warning"), *lines]
    return Content.assemble(*lines)


def _keys(question: Question, is_direct: bool) -> Content:
    """Return the keys that answer; unless they do so directly, Tab comes before them."""
    labels = {
        "y": "once",
        "c": "in this conversation",
        "a": f"always{visible_code(question.extent)}",
        "n": "no, and why",
    }
    parts = [
        Content.assemble((key, "bold" if is_direct else ""), f" {label}").stylize(
            Style.from_meta({"@click": f"answer({key!r})"})
        )
        for key, label in labels.items()
    ]
    first = Content("? ") if is_direct else Content.assemble("? ", (TO_QUESTION, "bold"), ", then ")
    return first + Content(" · ").join(parts)
