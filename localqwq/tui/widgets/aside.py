"""Activities beside the open conversation: a download, and answers in other conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from textual.content import Content
from textual.widgets import Static

from localqwq.tui.commands.table import COMMANDS, keys, shown
from localqwq.tui.session.downloads import Download
from localqwq.visible import visible

TITLE_CELLS = 40
"""Maximum cells of a title."""


class Aside(Static, can_focus=False):
    """One clickable line per activity; hidden while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._lines: tuple[Content, ...] = ()

    def show(self, lines: Sequence[Content]) -> None:
        """Show these lines, if they have changed."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.display = bool(lines)
            self.update(Content("\n").join(lines))


def download_line(download: Download, own: Mapping[str, str], by: str) -> Content:
    """Return a download's progress, and what one key does about it.

    ``own``: custom keys. ``by``: the command of the key, ``models`` if ``download`` is about
    another one.
    """
    from localqwq.tui.widgets.models.progress import in_short

    match download.state:
        case "done":
            said, offer = f"✓ {download.spec} is downloaded", "switches to it"
        case "failed":
            said, offer = f"! {download.spec} was not downloaded", "tries again"
        case "paused":
            said, offer = _named(in_short(download, 0), download.spec), "goes on"
        case _:
            said, offer = _named(in_short(download, 0), download.spec), "pauses it"
    return _line(said, by, offer if by == "download" else "shows it", own)


def answers_line(titles: Sequence[str], said: str, own: Mapping[str, str]) -> Content:
    """Return what is going on in other conversations, at least one; ``said`` precedes titles."""
    first = visible(" ".join(titles[0].split()))
    if len(first) > TITLE_CELLS:
        first = first[: TITLE_CELLS - 1].rstrip() + "…"
    more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
    return _line(f"{said} “{first}”{more}", "conversations", "opens it", own)


def aside(
    download: Download | None,
    titles: Sequence[str],
    asking: Sequence[str],
    own: Mapping[str, str],
    by: str = "download",
) -> Iterator[Content]:
    """Yield the lines: of the download, if one is to be shown, and of answers elsewhere.

    ``titles``: of the conversations that are being answered. ``asking``: of those where a call
    waits for permission.
    """
    if download is not None:
        yield download_line(download, own, by)
    if asking:
        yield answers_line(asking, "? waiting for your permission:", own)
    if titles:
        yield answers_line(titles, "… answering", own)


def _named(state: str, spec: str) -> str:
    """Return the sign, the model, and the rest of its state."""
    sign, _, rest = state.partition(" ")
    return f"{sign} {spec} {rest}"


def _line(said: str, command: str, offer: str, own: Mapping[str, str]) -> Content:
    """Return a text, and what a command's key, or a click, does about it."""
    key = shown(keys(COMMANDS[command], own))
    # The command is one of our own words.
    link = f"[@click=screen.command('{command}')]$said · [b $primary]$key[/] $offer[/]"
    return Content.from_markup(link, said=said, key=key, offer=offer)
