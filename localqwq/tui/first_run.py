"""The first steps for a person who has only the demo: a suitable model, and the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from localqwq.tui.commands.table import COMMANDS, keys, shown
from localqwq.tui.session.downloads import Download
from localqwq.tui.session.supply import described

if TYPE_CHECKING:
    from localqwq.models.stock import Stock

LOOKING = "Looking for a larger model that suits this machine …"
NARROWEST, WIDEST = 20, 60
"""Minimum and maximum width of a download's bar in cells."""


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """The content of the first steps."""

    stock: Stock | None = None
    """All models; None before they are known."""
    download: Download | None = None
    """The download of the recommended model, once started."""
    keys: Mapping[str, str] | None = None
    """Custom keys, by command."""

    @property
    def spec(self) -> str | None:
        """The model to download; None if nothing fits or the models are not known yet."""
        offered = self.stock.recommended if self.stock else None
        return f"{offered.entry.name}:{offered.best.quant}" if offered else None

    def lines(self, width: int) -> Iterator[Content]:
        """Yield the lines, in ``width`` cells."""
        if self.stock is None or self.stock.machine is None:
            yield _quiet(LOOKING)
            return
        yield Content(f"This machine: {described(self.stock.machine)}.")
        offered = self.stock.recommended
        if offered is None:
            yield Content("It has too little memory even for the smallest model in the catalogue.")
            yield self._offer("models", "all models and what they need")
            return
        from localqwq.sizes import readable_size
        from localqwq.tui.widgets.models.rows import fit

        size = readable_size(offered.best.bytes)
        yield Content.assemble(
            "Recommended: ",
            (offered.entry.title, "bold"),
            f" in {offered.best.quant}, {size}. {offered.entry.summary}.",
        )
        yield _quiet(fit(offered.best.plan))
        yield from self._ways(width, offered.best.bytes)

    def _ways(self, width: int, size: int) -> Iterator[Content]:
        """Yield the keys, and the download's progress."""
        from localqwq.tui.widgets.models.progress import lines

        download = self.download
        if download is None or download.state == "failed":
            if download is not None:
                yield Content(f"! {download.sentence}")
            yield Content()
            yield self._offer("try_demo", "asks the demo now, without a download")
            yield self._offer("download", "downloads the recommended model")
        elif download.state == "done":
            yield Content()
            yield self._offer("download", "switches to it")
        else:
            cells = max(NARROWEST, min(WIDEST, width))
            yield Content()
            yield from (Content(line) for line in lines(download, size, cells))
            paused = download.state == "paused"
            yield self._offer("download", "goes on" if paused else "pauses it")
        yield self._offer("models", "shows all models, and what fits")

    def _offer(self, command: str, text: str) -> Content:
        key = shown(keys(COMMANDS[command], self.keys or {}))
        # The command is one of our own words.
        link = f"[@click=screen.command('{command}')][b $primary]$key[/][/]  $text"
        return Content.from_markup(link, key=f"{key:>3}", text=text)


class FirstStepsView(Static):
    """The lines below the welcome."""

    DEFAULT_CSS = """
    FirstStepsView { height: auto; margin: 1 0 0 0; max-width: 88; }
    """

    def show(self, steps: FirstSteps | None) -> None:
        """Show the current steps; None shows nothing."""
        self.display = steps is not None
        if steps is not None:
            self.update(Content("\n").join(steps.lines(self.size.width or WIDEST)))


def _quiet(text: str) -> Content:
    return Content.styled(text, "$text-muted")
