"""kill -9 of the app in the middle of a thought: at most the last second is missing."""

from pathlib import Path

import psutil

from localqwq.conversations.store import LOST_NOTE
from tests.pseudo_terminal import program, stored_turns


def is_thinking() -> bool:
    """Whether a good part of a thought is stored."""
    found = stored_turns()
    return len(found) == 2 and len(found[1].thought) > 100


def test_what_was_thought_is_there_again(rambler: Path) -> None:
    """The prompt and the words so far are stored, the turn is lost, and the engine ends."""
    with program("chat", str(rambler), "--ctx", "16384") as app:
        app.until(app.shows("sk something"))
        app.write(b"Go on\r")
        app.until(is_thinking)
        engines = psutil.Process(app.process.pid).children(recursive=True)
        seen = stored_turns()[1].thought
        app.process.kill()
        # The terminal stays open: its end would end them, too.
        _, alive = psutil.wait_procs(engines, timeout=30)
        assert alive == []
    prompt, answer = stored_turns()
    assert prompt.text == "Go on"
    assert (answer.status, answer.note) == ("lost", LOST_NOTE)
    assert answer.thought.startswith(seen)
