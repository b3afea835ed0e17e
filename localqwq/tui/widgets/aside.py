"""What goes on beside the conversation that is open: a download, answers in other ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from textual.content import Content
from textual.widgets import Static

from localqwq.tui.commands.table import COMMANDS, keys, shown
from localqwq.tui.session.downloads import Download
from localqwq.visible import visible

TITLE_CELLS = 40
"""A title is cut to so many."""


class Aside(Static, can_focus=False):
    """A line for each thing that goes on; not there while there is none. Clicks do what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._lines: tuple[Content, ...] = ()

    def show(self, lines: Sequence[Content]) -> None:
        """Shows these lines, if they are others."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.display = bool(lines)
            self.update(Content("\n").join(lines))


def download_line(download: Download, own: Mapping[str, str], by: str) -> Content:
    """How far a download is, and what one key does about it.

    `own`: keys that a person chose. `by`: the command of the key, ``models`` where ``download``
    is about another one.
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


def answers_line(titles: Sequence[str], own: Mapping[str, str]) -> Content:
    """Which other conversations are being answered; at least one."""
    first = visible(" ".join(titles[0].split()))
    if len(first) > TITLE_CELLS:
        first = first[: TITLE_CELLS - 1].rstrip() + "…"
    more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
    return _line(f"… answering “{first}”{more}", "conversations", "opens it", own)


def aside(
    download: Download | None,
    titles: Sequence[str],
    own: Mapping[str, str],
    by: str = "download",
) -> Iterator[Content]:
    """The lines: of the download, where one is to be told of, and of answers elsewhere."""
    if download is not None:
        yield download_line(download, own, by)
    if titles:
        yield answers_line(titles, own)


def _named(state: str, spec: str) -> str:
    """The sign, the model, and the rest of what is said of it."""
    sign, _, rest = state.partition(" ")
    return f"{sign} {spec} {rest}"


def _line(said: str, command: str, offer: str, own: Mapping[str, str]) -> Content:
    """What is said, and what the key of a command, or a click, does about it."""
    key = shown(keys(COMMANDS[command], own))
    # The command is one of our own words.
    link = f"[@click=screen.command('{command}')]$said · [b $primary]$key[/] $offer[/]"
    return Content.from_markup(link, said=said, key=key, offer=offer)
