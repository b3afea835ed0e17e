"""Nothing hidden reaches the terminal from the app, whichever way it comes to the screen."""

from pathlib import Path

from rich.segment import Segment
from textual import events
from textual.color import Color

from localqwq.tui.terminal.harmless import Harmless
from localqwq.visible import is_hidden
from tests.chatting import Chat, chat, served
from tests.other_servers import Asked, Reply, listing, serving, streaming

EVIL = "\u202efdp\u2066 pay\u200bpal \U000e0068\U000e0069"
SEEN = "�fdp� pay�pal ��"
FAMILY = "👩\u200d👧"


def misleading(asked: Asked) -> Reply:
    """A model whose name, thoughts and answers hide something, in prose, code and tables."""
    if asked.line.startswith("GET"):
        return listing(f"model {EVIL}")
    answer = f"{FAMILY} {EVIL}\n\n```\n{FAMILY} {EVIL}\n```\n\n| a |\n|---|\n| {EVIL} |\n"
    return streaming({"reasoning_content": f"Hm {EVIL}"}, {"content": answer})


def drawn(app: Chat) -> str:
    """All that is on the terminal."""
    strips = app.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


async def test_no_screen_passes_hidden_characters_on(tmp_path: Path) -> None:
    """Answers, thoughts, names of files and models, titles, and what is pasted."""
    file = tmp_path / f"{EVIL}.txt"
    file.write_text("Hello.")
    async with serving(misleading) as server, chat(served(server.url), tmp_path / "c") as app:
        pictures = []
        await app.until(app.is_idle)
        await app.pilot.press("at")
        app.app.post_message(events.Paste(str(tmp_path / EVIL[0])))
        await app.until(lambda: f"{SEEN}.txt" in drawn(app))
        pictures.append(drawn(app))
        await app.pilot.press("tab")
        app.app.post_message(events.Paste(EVIL))
        await app.until(lambda: SEEN in drawn(app).split("▤")[-1])
        pictures.append(drawn(app))
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        await app.pilot.press("ctrl+t")
        await app.until(lambda: f"Hm {SEEN}" in app.text())
        assert f"{FAMILY} {SEEN}" in app.text()
        assert f"👩�👧 {SEEN}" in app.text()
        pictures.append(drawn(app))
        for key in ("ctrl+o", "f3", "f5"):
            await app.pilot.press(key)
            await app.pilot.pause(0.3)
            pictures.append(drawn(app))
            await app.pilot.press("escape")
    hidden = {sign for picture in pictures for sign in picture if is_hidden(sign)}
    assert hidden <= {"\u200d"}


def test_a_line_keeps_its_width_and_its_styles() -> None:
    """A sign takes the place of what has no width, and the line ends sooner for it."""
    line = [Segment("a\u200bb"), Segment("c d    ")]
    shown = Harmless().apply(line, Color(0, 0, 0))
    assert [segment.text for segment in shown] == ["a�b", "c d   "]
    assert Harmless().apply(shown, Color(0, 0, 0)) is shown
