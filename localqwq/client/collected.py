"""An answer that is put together from its events."""

from localqwq.reasoning.events import Answer, Event, Finish, Reclassified, Thought, ToolCall


class Collected:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self._thoughts: list[str] = []
        self._answers: list[str] = []
        self.calls: list[ToolCall] = []
        self.finish: Finish | None = None
        """How it ended; None before that."""

    @property
    def thought(self) -> str:
        """The text of the thought, without the spaces around it."""
        return "".join(self._thoughts).strip()

    @property
    def answer(self) -> str:
        """The text of the answer, without the spaces around it."""
        return "".join(self._answers).strip()

    def take(self, event: Event) -> None:
        """Add one event."""
        match event:
            case Thought(text):
                self._thoughts.append(text)
            case Answer(text):
                self._answers.append(text)
            case Reclassified("thought"):
                self._thoughts += self._answers
                self._answers.clear()
            case Reclassified("answer"):
                self._answers[:0] = self._thoughts
                self._thoughts.clear()
            case ToolCall():
                self.calls.append(event)
            case Finish():
                self.finish = event
            case _:
                pass
