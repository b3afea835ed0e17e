"""Attachments for a server that does not say how much it reads."""

from pathlib import Path

from textual import events

from localqwq.tui.session.context_fill import SMALLEST, unbounded
from tests.chatting import chat, served
from tests.other_servers import Asked, Reply, listing, refusing, serving, streaming
from tests.tui.test_notice import notices


def reply(asked: Asked) -> Reply:
    """Such a server: it chats, and has no other questions."""
    if asked.line == "GET /v1/models":
        return listing("other")
    if asked.line.endswith("/chat/completions"):
        return streaming({"content": "Read."})
    return refusing("404 Not Found", {"error": {"message": "no"}})


def test_what_every_server_reads_is_not_asked_about() -> None:
    """The sentence has the number."""
    assert unbounded(SMALLEST) == ""
    assert "about 4,097 tokens" in unbounded(SMALLEST + 1)


async def test_large_attachments_are_asked_about(home: Path) -> None:
    """Once for a prompt, and a second Enter sends it; small ones go at once."""
    async with serving(reply) as server, chat(served(server.url), home / "store") as app:
        await app.until(app.is_idle)
        app.app.post_message(events.Paste("short line\n" * 30))
        app.burst("what is it", "enter")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        app.app.post_message(events.Paste("a long line of a log\n" * 2000))
        app.burst("and this", "enter")
        await app.until(lambda: "does not say how many it can take" in notices(app))
        assert "about 10,5" in notices(app)
        assert (len(server.chats), app.prompt.text) == (1, "and this")
        app.burst("enter")
        await app.until(lambda: len(app.turns()) == 4 and app.is_idle())
        assert "a long line of a log" in str(server.chats[1])
