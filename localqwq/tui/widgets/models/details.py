"""Details of one model: what it is, whether it fits, and where its layers would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from localqwq.models.offers import Offered
from localqwq.models.stock import Installed, Stock
from localqwq.packs.download.unfinished import Unfinished
from localqwq.packs.figures_in_brief import in_brief
from localqwq.packs.manifest import Manifest
from localqwq.packs.store.other_programs import ForeignModel
from localqwq.planning.drawing import draw, speed_in_words
from localqwq.planning.plan import Plan
from localqwq.planning.short_summary import verdict
from localqwq.settings.sections import EndpointSettings
from localqwq.sizes import readable_size
from localqwq.tui.widgets.models.progress import lines
from localqwq.tui.widgets.models.rows import FITS, QUIET, TOO_LARGE, Row, cut

LOOKING = "Estimating how it would run here …"
NARROWEST, WIDEST = 24, 100
"""Minimum and maximum width of a drawing in cells."""


class Details(VerticalScroll):
    """Details of the model under the cursor; Tab focuses it for scrolling."""

    def __init__(self) -> None:
        super().__init__(Static())
        self._row: Row | None = None
        self._stock = Stock()

    def show(self, row: Row | None, stock: Stock) -> None:
        """Show another model, or the same with new data."""
        if self._row is None or row is None or self._row.key != row.key:
            self.scroll_home(animate=False)
        self._row, self._stock = row, stock
        self._draw()

    def on_resize(self) -> None:
        """Adapt the drawing to the width."""
        self._draw()

    def _draw(self) -> None:
        size: Size = self.scrollable_content_region.size
        content = Content()
        if self._row is not None:
            content = Content("\n").join(details(self._row, self._stock, size.width))
        self.query_one(Static).update(content)


def details(row: Row, stock: Stock, width: int) -> Iterator[Content]:
    """Yield the lines, with drawings in ``width`` cells."""
    width = max(NARROWEST, min(WIDEST, width))
    thing = row.thing
    if isinstance(thing, Offered):
        yield from _of_offered(row, thing, stock, width)
    elif isinstance(thing, Installed):
        yield from _of_installed(row, thing, width)
    elif isinstance(thing, ForeignModel):
        yield from _of_foreign(row, thing, width)
    elif isinstance(thing, Unfinished):
        yield _title(thing.spec, "interrupted")
        yield Content(
            f"{readable_size(thing.bytes)} were downloaded. Run the same `localqwq pull` again to "
            "resume it; only that knows its source."
        )
    else:
        yield from _of_endpoint(thing)


def _of_offered(row: Row, one: Offered, stock: Stock, width: int) -> Iterator[Content]:
    entry = one.entry
    yield _title(entry.title, f"by {entry.maker}")
    yield _quiet(f"{entry.summary}.")
    context = f"up to {entry.context:,} tokens"
    yield _quiet(" · ".join([_parameters(entry.parameters), entry.license, context]))
    yield Content()
    if row.download is not None and row.download.state != "done":
        yield from _texts(lines(row.download, row.size, width))
        yield Content()
    yield _quantizations(row, one)
    yield Content()
    yield from fit(row.plan, width, stock)
    if row.installed is None and row.size:
        yield Content()
        yield _room(row, stock)
    if entry.quirks:
        yield Content()
        yield from (_quiet(f"Note: {quirk}.") for quirk in entry.quirks)


def _of_installed(row: Row, one: Installed, width: int) -> Iterator[Content]:
    if one.model is None:
        yield _title("demo", "comes with localqwq")
        yield _quiet("A tiny model that thinks before it answers, for trying things out.")
        return
    yield _title(one.spec, "the default model" if row.default else "")
    yield _quiet(" · ".join(_about(one.model.parameters, one.model.context, one.manifest)))
    if one.manifest is not None and one.manifest.source:
        yield _quiet(cut(f"from {one.manifest.source}", width))
    yield _quiet(str(one.model.path))
    yield Content()
    if one.plan is None:
        yield Content(LOOKING)
    else:
        yield from fit(one.plan, width, None)
    if one.manifest is not None and (
        found := list(in_brief(one.manifest.figures, one.model.quant))
    ):
        yield Content()
        yield Content.styled("What was measured of it", "bold")
        yield from _texts(found)


def _of_foreign(row: Row, one: ForeignModel, width: int) -> Iterator[Content]:
    yield _title(one.spec, f"found in {one.program}")
    yield _quiet(str(one.path))
    yield Content()
    if row.download is not None and row.download.state != "done":
        yield from _texts(lines(row.download, one.bytes, width))
    yield Content(
        f"It is used in place: none of its {readable_size(one.bytes)} is copied, but all of it is "
        "read once, so that later changes are noticed."
    )


def _of_endpoint(one: EndpointSettings) -> Iterator[Content]:
    yield _title(one.name, "an endpoint from the settings")
    yield _quiet(one.url)
    yield Content()
    yield Content(f"Chats with {one.model or 'the first model that it lists'}.")
    if one.key_env:
        yield _quiet(f"Its key is in the variable {one.key_env}, or in the keyring.")
    yield _quiet("What you write leaves this machine, unless the address is local.")


def fit(plan: Plan | None, width: int, stock: Stock | None) -> Iterator[Content]:
    """Yield the verdict, the reason, and the drawing."""
    if plan is None:
        known = stock is not None and stock.machine is not None
        yield Content("How it would run here is not known." if known else LOOKING)
        return
    if plan.fits:
        yield Content.assemble((f"{FITS} Fits: ", "bold $text-success"), (verdict(plan), "bold"))
    else:
        yield Content.assemble((f"{TOO_LARGE} Too large. ", "bold $text-warning"))
    yield Content(plan.why)
    if speed := speed_in_words(plan.speed):
        yield Content(speed)
    if plan.fits and not plan.gpu_layers and not plan.devices:
        yield _quiet(
            "There is no usable GPU: the processor reads the whole model for every token, so "
            "smaller models are faster."
        )
    yield Content()
    yield from _texts(draw(plan, width))


def _quantizations(row: Row, one: Offered) -> Content:
    """Return all quantizations with the chosen one in brackets; a click chooses another one."""
    parts: list[Content] = []
    for offer in one.offers:
        if row.offer is not None and offer.quant == row.offer.quant:
            parts.append(Content.assemble(("[", "bold $primary"), (offer.quant, "bold"), "]"))
        else:
            # The catalogue allows no characters that markup would interpret.
            parts.append(
                Content.from_markup(f" [@click=screen.choose('{offer.quant}')]{offer.quant}[/] ")
            )
    best = " (the best here)" if row.offer == one.best and one.best.plan else ""
    return Content.assemble("← ", Content("").join(parts), " →", (best, QUIET))


def _room(row: Row, stock: Stock) -> Content:
    came = row.download.done if row.download else 0
    needed = max(0, row.size - came)
    text = f"{readable_size(needed)} to download; {readable_size(stock.room)} are free on its disk"
    if needed > stock.room:
        return Content.assemble((f"{TOO_LARGE} {text}: free some space first.", "$text-warning"))
    return _quiet(f"{text}, in {stock.place}.")


def _about(parameters: int, context: int, manifest: Manifest | None) -> Iterator[str]:
    yield _parameters(parameters)
    if manifest is not None and manifest.license:
        yield manifest.license
    yield f"up to {context:,} tokens"


def _parameters(count: int) -> str:
    if count >= 1e9:
        return f"{count / 1e9:.1f} billion parameters"
    return f"{count / 1e6:.1f} million parameters"


def _title(title: str, more: str) -> Content:
    return Content.assemble((title, "bold $primary"), (f"  {more}" if more else "", QUIET))


def _quiet(text: str) -> Content:
    return Content.styled(text, QUIET)


def _texts(found: Iterable[str]) -> Iterator[Content]:
    return (Content(line) for line in found)
