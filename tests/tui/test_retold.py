"""Text that turns out to be a thought, or an answer, after it was shown."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from localqwq.conversations.turns import Measures
from localqwq.tui.plain.announcing import Announcer
from localqwq.tui.plain.speaking import Speaker
from localqwq.tui.session.counting import Count
from localqwq.tui.session.messages import AnswerGrew, Report, ThoughtGrew, TurnRetold
from localqwq.tui.widgets.transcript.turns import AssistantTurn
from tests.chatting import chat, served
from tests.other_servers import Asked, Reply, listing, refusing, serving, streaming


def saying(model: str, pieces: Sequence[str]) -> Callable[[Asked], Reply]:
    """A server that leaves the tags in the text."""

    def reply(asked: Asked) -> Reply:
        if asked.line == "GET /v1/models":
            return listing(model)
        if asked.line.endswith("/chat/completions"):
            return streaming(*({"content": piece} for piece in pieces))
        return refusing("404 Not Found", {"error": {"message": "no"}})

    return reply


@pytest.mark.parametrize(
    ("model", "pieces", "thought", "answer"),
    [
        ("other", ["Let me ", "see", "\n</think>", "\n\nIt is ", "42."], "Let me see", "It is 42."),
        ("qwq", ["It is ", "42."], "", "It is 42."),
    ],
)
async def test_the_app_is_right_in_the_end(
    home: Path, model: str, pieces: list[str], thought: str, answer: str
) -> None:
    """Thought and answer are where they belong, on the screen and in the store."""
    async with (
        serving(saying(model, pieces)) as server,
        chat(served(server.url), home / "store") as app,
    ):
        await app.until(app.is_idle)
        await app.ask("Well?")
        (_, turn) = app.turns()
        assert (turn.thought, turn.text, turn.status) == (thought, answer, "done")
        assert turn.measures.thought_tokens == (2 if thought else 0)
        view = app.chat.query(AssistantTurn).last()
        assert view.answer.source.strip() == answer
        assert view.thought.source.strip() == thought
        assert view.thought.display is bool(thought)
        assert "42." in app.seen


class Heard(Speaker):
    """Keeps the sentences."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, *lines: str) -> None:
        """Takes them."""
        self.lines += lines


def heard(*reports: Report, reads_thoughts: bool = False) -> str:
    """What is read to somebody."""
    speaker = Heard()
    announcer = Announcer(speaker, 80)
    announcer.reads_thoughts = reads_thoughts
    for report in reports:
        announcer.take(report)
    return " ".join(speaker.lines)


def test_the_plain_chat_says_so() -> None:
    """Nobody is left to think that the thought was the answer."""
    measures = Measures()
    said = heard(
        AnswerGrew("Let me see.\n", measures),
        TurnRetold("Let me see.\n", "", measures),
        AnswerGrew("It is 42.\n", measures),
    )
    assert said == (
        "Answer: Let me see. The text so far was the thought; the answer follows. Answer: It is 42."
    )
    thought = ThoughtGrew("It is 42.\n", measures), TurnRetold("", "It is 42.\n", measures)
    assert heard(*thought) == "Thinking. Answer: It is 42."
    assert heard(*thought, reads_thoughts=True) == (
        "Thinking. It is 42. The text so far was the answer, not a thought."
    )


def test_tokens_are_counted_where_they_belong() -> None:
    """All so far, and none twice."""
    count = Count(Measures(), lambda: 0.0)
    count.answer(3)
    count.reclassify(thought=True)
    count.answer(2)
    assert (count.measures.thought_tokens, count.measures.tokens) == (3, 5)
    count.reclassify(thought=False)
    assert (count.measures.thought_tokens, count.measures.tokens) == (0, 5)
