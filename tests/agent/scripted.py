"""A model whose answers are written down: for what no small model does on demand."""

from collections.abc import AsyncGenerator, Generator, Sequence

from localqwq.reasoning.events import Answer, Event, Finish, Thought, Timings, ToolCall, Usage
from localqwq.reasoning.messages import Message, Tool

Said = str | list[tuple[str, str]]
"""An answer, or calls: names and arguments."""


class Script:
    """Gives one answer after the other; the last one again and again."""

    def __init__(self, *answers: Said) -> None:
        self.read: list[list[Message]] = []
        """What it was asked, each time."""
        self.offered: list[list[str]] = []
        """The tools that it was offered, each time."""
        self._answers = answers
        self._calls = 0

    def chat(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> Generator[Event, None, None]:
        """Answer."""
        said = self._answers[min(len(self.read), len(self._answers) - 1)]
        self.read.append(list(messages))
        self.offered.append([tool["function"]["name"] for tool in tools])
        yield Thought("Hm.")
        usage = Usage(10, 0, 1, 5)
        if isinstance(said, str) or not tools:
            yield Answer(said if isinstance(said, str) else "So be it.")
            yield Finish("stop", usage, Timings())
            return
        for name, arguments in said:
            self._calls += 1
            yield ToolCall(f"call_{self._calls}", name, arguments)
        yield Finish("tool_calls", usage, Timings())

    async def chat_async(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncGenerator[Event, None]:
        """Answer in an event loop."""
        for event in self.chat(messages, tools):
            yield event
