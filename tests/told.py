"""What events tell, as everybody who takes them has it in the end."""

from collections.abc import Iterable

from localqwq.reasoning.events import Answer, Event, Reclassified, Thought


def said(events: Iterable[Event]) -> tuple[str, str]:
    """The thought and the answer."""
    thought = answer = ""
    for event in events:
        match event:
            case Thought(text):
                thought += text
            case Answer(text):
                answer += text
            case Reclassified("thought"):
                thought, answer = thought + answer, ""
            case Reclassified("answer"):
                thought, answer = "", thought + answer
    return thought, answer
