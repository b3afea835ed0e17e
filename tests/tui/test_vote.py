"""``/vote`` in the app: several answers, of which the one that most agree on is kept."""

from pathlib import Path

import pytest

from localqwq.tui.commands.arguments import answers_wanted, tokens_wanted
from tests.chatting import chat, served
from tests.other_servers import Asked, Reply, listing, serving, streaming


@pytest.mark.parametrize(
    ("typed", "answers"),
    [("", 5), (" 8 ", 8), ("2", 2), ("1", None), ("65", None), ("many", None), ("٣", None)],
)
def test_how_many(typed: str, answers: int | None) -> None:
    """From two on; nothing typed is the usual number."""
    assert answers_wanted(typed) == answers


def test_how_much_longer() -> None:
    """The usual number for anything that is none."""
    assert [tokens_wanted(text) for text in ("50", "", "x", "99999999")] == [50, 2048, 2048, 2048]


async def test_what_most_agree_on_is_kept(home: Path) -> None:
    """Beside the first answer, with what the others say; where none is written, a sentence."""
    said = iter(["It is 41.", "It is 43.", "So 42.", "It is 42.", "The sum is 42."])

    def reply(asked: Asked) -> Reply:
        if asked.body is None:
            return listing("scripted")
        return streaming({"reasoning_content": "Hm."}, {"content": next(said)})

    async with serving(reply) as server, chat(served(server.url), home / "store") as app:
        await app.until(app.is_idle)
        assert not app.chat.is_possible("vote")
        await app.ask("What is 12 + 30?")
        first = app.turns()[-1]
        app.chat.action_command("vote", "many")
        app.chat.action_command("vote", "4")
        await app.until(lambda: bool(app.turns()[-1].note) and app.is_idle())
        voted = app.turns()[-1]
        seeds = {body["seed"] for body in server.chats[1:]}
        note = "3 of 4 answers agree. 1 of them: 43"
        await app.until(lambda: note in app.text())
    assert (first.text, voted.thought, voted.note) == ("It is 41.", "Hm.", note)
    assert voted.text in ("So 42.", "It is 42.", "The sum is 42.")
    assert len(seeds) == 4


async def test_progress_is_shown(home: Path) -> None:
    """How many answers are there, while others are waited for."""
    answers = 0

    def reply(asked: Asked) -> Reply:
        nonlocal answers
        if asked.body is None:
            return listing("scripted")
        answers += 1
        whole = streaming({"content": "42"})
        return whole if answers < 4 else (*whole[:2], [])

    async with serving(reply) as server, chat(served(server.url), home / "store") as app:
        await app.ask("What is 12 + 30?")
        app.chat.action_command("vote", "8")
        await app.until(lambda: "broke before the end" in app.text() and app.is_idle())
        assert len(app.turns()) == 2
        assert app.turns()[-1].text == "42"
