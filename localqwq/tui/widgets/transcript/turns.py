"""The turns of the transcript, and the cursor's positions in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Static

from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Attachment, Measures, Turn
from localqwq.tui.widgets.transcript.answer import AnswerText
from localqwq.tui.widgets.transcript.call import CallView
from localqwq.tui.widgets.transcript.foot import OF_ANSWERS, OF_PROMPTS, Action, Foot
from localqwq.tui.widgets.transcript.lines import Lines
from localqwq.tui.widgets.transcript.thought import Display, ThoughtBlock
from localqwq.tui.widgets.transcript.unpainted import Unpainted
from localqwq.visible import visible


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a turn that the cursor can be on."""

    kind: Literal["prompt", "thought", "call", "block", "answer"]
    """``answer`` means all of it, if it has no blocks yet."""
    index: int = 0
    """The index of the visible call, or of the block."""


class TurnView(Vertical, Unpainted):
    """A turn: its parts, and a line under them."""

    DEFAULT_CSS = "TurnView { height: auto; width: 1fr; }"

    @dataclass
    class Clicked(Message):
        """A part was clicked."""

        view: TurnView
        part: Part

    @dataclass
    class Wanted(Message):
        """A label under the turn was clicked."""

        view: TurnView
        action: Action

    def __init__(self, turn: Turn | None, foot: Foot) -> None:
        super().__init__()
        self.turn = turn
        """The stored turn; None for a running answer."""
        self.foot = foot

    def parts(self) -> list[Part]:
        """Return the cursor's positions, from top to bottom."""
        raise NotImplementedError

    def select(self, part: Part | None) -> None:
        """Show the cursor on a part, or nowhere in this turn."""
        self.foot.show(selected=part is not None)

    def place(self, part: Part) -> Region:
        """Return a part's position on the screen."""
        return self.region

    def source(self, part: Part) -> str:
        """Return the source of a part."""
        raise NotImplementedError

    @on(Foot.Pressed)
    def _pressed(self, event: Foot.Pressed) -> None:
        event.stop()
        self.post_message(self.Wanted(self, event.action))


class UserTurn(TurnView):
    """A prompt as typed, with its attachments."""

    DEFAULT_CSS = """
    UserTurn {
        margin: 1 0 0 0;

        &:first-child { margin: 0; }

        & > #prompt {
            height: auto;
            width: 1fr;
            padding: 0 1;
            border-left: outer $primary 60%;
            background: $surface;
            color: $foreground;
        }

        & > #prompt.-marked { border-left: outer $primary; background: $panel; }
        & > #chips { height: auto; padding: 0 2; color: $text-muted; }
    }
    """

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn, Foot(OF_PROMPTS))
        self.text = turn.text

    def compose(self) -> ComposeResult:
        """Show the chips below the text that they belong to."""
        yield Static(Content(visible(self.text)), id="prompt")
        if self.turn is not None and self.turn.attachments:
            chips = (_chip(attachment) for attachment in self.turn.attachments)
            yield Static(Content("  ").join(chips), id="chips")
        yield self.foot

    def parts(self) -> list[Part]:
        """Return the prompt."""
        return [Part("prompt")]

    def select(self, part: Part | None) -> None:
        """Mark the prompt."""
        super().select(part)
        self.query_one("#prompt").set_class(part is not None, "-marked")

    def source(self, part: Part) -> str:
        """Return the prompt's text."""
        return self.text

    def on_click(self) -> None:
        """Move the cursor here."""
        if self.query_one("#prompt").text_selection is None:
            self.post_message(self.Clicked(self, Part("prompt")))


def _chip(attachment: Attachment) -> Content:
    size = f" {attachment.tokens:,} tokens" if attachment.tokens else ""
    return Content.assemble("▪ ", (visible(attachment.name), "bold"), size)


class Note(Static):
    """A muted sentence under a turn, or between turns."""

    DEFAULT_CSS = """
    Note {
        height: auto;
        margin: 0 0 1 0;
        padding: 0 2;
        color: $text-muted;
        text-style: italic;
    }
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(Content(visible(sentence)))


class AssistantTurn(TurnView):
    """A thought, an answer, and a remark on how it ended if needed."""

    DEFAULT_CSS = "AssistantTurn > Note { margin: 0; }"

    def __init__(self, turn: Turn | None = None, display: Display = "tail") -> None:
        """Set up a stored turn, or without one a turn that is about to begin."""
        super().__init__(turn, Foot(OF_ANSWERS))
        thought, measures = (turn.thought, turn.measures) if turn else ("", None)
        rounds = turn.rounds if turn else ()
        self.thought = ThoughtBlock(thought, measures, display, rounds)
        self.answer = AnswerText(turn.text if turn else None)

    def compose(self) -> ComposeResult:
        """Show the thought above the answer."""
        yield self.thought
        yield self.answer
        if self.turn is not None and (sentence := ending(self.turn)):
            yield Note(sentence)
        yield self.foot

    def think(self, text: str, measures: Measures) -> None:
        """Append to the thought."""
        self.thought.append(text, measures)

    def say(self, text: str, measures: Measures) -> None:
        """Append to the answer; the thought is over."""
        self.thought.end(measures)
        self.answer.append(text)

    def know(self, rounds: Sequence[Round], measures: Measures) -> None:
        """Show what is known of the rounds; a new one takes the text so far."""
        is_new = len(rounds) > len(self.thought.rounds)
        self.thought.know(rounds, measures)
        if is_new:
            self.answer.begin_again()

    def draw(self) -> None:
        """Show what has arrived of both."""
        self.thought.draw()
        self.answer.draw()

    def end(self, turn: Turn) -> None:
        """Note that the turn is stored and final."""
        self.turn = turn
        if turn.rounds:
            self.know(turn.rounds, turn.measures)
        self.thought.end(turn.measures)
        self.answer.end()
        if sentence := ending(turn):
            self.mount(Note(sentence), before=self.foot)

    def parts(self) -> list[Part]:
        """Return the thought, its calls and the blocks of the answer."""
        thought = [Part("thought")] if self.thought.display else []
        calls = [Part("call", index) for index in range(len(self.thought.calls))]
        blocks = [Part("block", index) for index in range(len(self.answer.blocks))]
        return thought + calls + blocks or [Part("answer")]

    def call(self, part: Part) -> CallView | None:
        """Return the call that a part is; None if it is something else."""
        calls = self.thought.calls
        return calls[part.index] if part.kind == "call" and part.index < len(calls) else None

    def select(self, part: Part | None) -> None:
        """Mark the thought, a call or a block."""
        super().select(part)
        self.thought.set_class(part is not None and part.kind == "thought", "-marked")
        marked = self.call(part) if part else None
        for call in self.thought.calls:
            call.set_class(call is marked, "-marked")
        self.answer.marked = self._lines(part) if part else range(0)

    def place(self, part: Part) -> Region:
        """Return the lines of the thought, call or block."""
        if part.kind == "thought":
            return self.thought.region
        if (call := self.call(part)) is not None:
            return call.region
        lines = self._lines(part)
        place = self.answer.content_region
        return Region(place.x, place.y + lines.start, place.width, max(len(lines), 1))

    def source(self, part: Part) -> str:
        """Return the source of the thought, the call, the block or the whole answer."""
        if part.kind == "thought":
            return self.thought.source.strip()
        if (call := self.call(part)) is not None:
            return call.source
        if part.kind == "block" and part.index < len(self.answer.blocks):
            return self.answer.block_source(self.answer.blocks[part.index])
        return self.answer.source

    def _lines(self, part: Part) -> range:
        if part.kind != "block" or part.index >= len(self.answer.blocks):
            return range(0)
        block = self.answer.blocks[part.index]
        return range(block.first, block.last)

    @on(Lines.Clicked)
    def _block_clicked(self, event: Lines.Clicked) -> None:
        event.stop()
        if event.lines is not self.answer:
            calls = enumerate(self.thought.calls)
            index = next((i for i, call in calls if call is event.lines.parent), None)
            part = Part("thought") if index is None else Part("call", index)
            self.post_message(self.Clicked(self, part))
            return
        blocks = enumerate(self.answer.blocks)
        index = next((i for i, block in blocks if event.line < block.last), 0)
        self.post_message(self.Clicked(self, Part("block", index)))


def ending(turn: Turn) -> str:
    """Return a remark on how a turn ended; empty for an ordinary end."""
    if turn.note:
        return turn.note
    if turn.status == "stopped":
        return "Stopped in the thought." if not turn.text else "Stopped."
    return "Another localqwq is writing this." if turn.status == "running" else ""
