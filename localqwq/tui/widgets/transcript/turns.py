"""The turns of the transcript."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from localqwq.conversations.turns import Measures, Turn
from localqwq.tui.widgets.transcript.answer import AnswerText
from localqwq.tui.widgets.transcript.thought import ThoughtBlock


class UserTurn(Static):
    """A prompt, as it was typed."""

    def __init__(self, text: str) -> None:
        super().__init__(Content(text))
        self.text = text


class Note(Static):
    """A quiet sentence under a turn, or between turns."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Content(sentence))


class AssistantTurn(Vertical):
    """A thought, an answer, and how it ended where that needs saying."""

    def __init__(self, turn: Turn | None = None) -> None:
        """A turn from the store; without one, a turn that is about to begin."""
        super().__init__()
        self._turn = turn
        if turn is None:
            self.thought = ThoughtBlock()
        else:
            self.thought = ThoughtBlock(turn.thought, turn.measures)
            self.thought.display = bool(turn.thought.strip())
        self.answer = AnswerText(turn.text if turn else None)

    def compose(self) -> ComposeResult:
        """The thought above the answer."""
        yield self.thought
        yield self.answer
        if self._turn is not None and (sentence := ending(self._turn)):
            yield Note(sentence)

    def think(self, text: str, measures: Measures) -> None:
        """Adds a piece of the thought."""
        self.thought.append(text, measures)

    def say(self, text: str, measures: Measures) -> None:
        """Adds a piece of the answer; the thought is over."""
        self.thought.end(measures)
        self.answer.append(text)

    def end(self, turn: Turn) -> None:
        """The turn is stored and changes no more."""
        self._turn = turn
        self.thought.end(turn.measures)
        self.answer.end()
        if sentence := ending(turn):
            self.mount(Note(sentence))


def ending(turn: Turn) -> str:
    """What is to be said about how a turn ended; empty for an ordinary end."""
    if turn.note:
        return turn.note
    if turn.status == "stopped":
        return "Stopped in the thought." if not turn.text else "Stopped."
    return "Another localqwq is writing this." if turn.status == "running" else ""
