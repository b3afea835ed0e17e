"""The text that the suite measures on, and llama.cpp's tools once for its expectations."""

from localqwq.reasoning.messages import Message

LINES = 60


def sums_text(lines: int = LINES) -> str:
    """Lines that the demo model knows how to go on with; the same ones each time."""
    pairs = ((index * 37 % 900 + 11, index * 53 % 800 + 7) for index in range(lines))
    return "\n".join(f"What is {a} + {b}? {a} plus {b} is {a + b}." for a, b in pairs) + "\n"


def chats(count: int) -> list[list[Message]]:
    """Short conversations with a thought in each answer."""
    return [
        [
            Message(role="user", content=f"What is {index} + 5?"),
            Message(
                role="assistant",
                content=f"{index} + 5 = {index + 5}",
                reasoning_content=f"Add 5 to {index}: {index + 5}.",
            ),
        ]
        for index in range(count)
    ]
