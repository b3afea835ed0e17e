"""Models as rows of a list: what they are, their size, and how they would run here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from localqwq.models.offers import Offer, Offered
from localqwq.models.stock import Installed, Stock
from localqwq.planning.short_summary import verdict
from localqwq.planning.speed import readable_rate
from localqwq.sizes import readable_size
from localqwq.tui.session.downloads import Download
from localqwq.tui.widgets.models.progress import in_short
from localqwq.visible import one_line

if TYPE_CHECKING:
    from localqwq.packs.download.unfinished import Unfinished
    from localqwq.packs.store.other_programs import ForeignModel
    from localqwq.planning.plan import Plan
    from localqwq.settings.sections import EndpointSettings

USED, DEFAULT = "●", "★"
FITS, TOO_LARGE = "✓", "✗"
QUIET = "$text-muted"
SIZE_WIDTH = 9
NAME_WIDTHS = ((100, 36), (0, 28))
"""Width of the name column, by the minimum width of the list."""
ROOMY = 52
"""Cells that a full verdict needs."""


@dataclass(frozen=True, slots=True)
class View:
    """What the rows depend on besides the stock."""

    used: str = ""
    """The current model's name in requests."""
    default: str | None = None
    """The default model as the settings name it, or the endpoint's name."""
    names_model: bool = False
    """Whether it is a model, which the stock marks, whatever form its name has."""
    quants: Mapping[str, str] = field(default_factory=dict)
    """Quantizations that a person has chosen, by the model's name."""
    downloads: Mapping[str, Download] = field(default_factory=dict)
    """Downloads by model."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list, and what it stands for."""

    key: str
    """A key that stays the same whatever happens to the model."""
    name: str
    """Its name on the command line."""
    size: int
    """Bytes; 0 if there are none."""
    remark: str
    """A remark; if empty, how it would run here is shown."""
    thing: Installed | Offered | ForeignModel | EndpointSettings | Unfinished
    offer: Offer | None = None
    """The selected quantization of a catalogue model."""
    installed: Installed | None = None
    """The installed model, ready to use."""
    download: Download | None = None
    """Its download, running or finished."""
    used: bool = False
    default: bool = False

    @property
    def plan(self) -> Plan | None:
        """How it would be loaded; None if unknown."""
        if isinstance(self.thing, Installed):
            return self.thing.plan
        return self.offer.plan if self.offer else None

    def draw(self, width: int) -> Content:
        """Return the line, ``width`` cells wide."""
        name_width = next(cells for least, cells in NAME_WIDTHS if width >= least)
        mark = f"{USED if self.used else ' '}{DEFAULT if self.default else ' '} "
        name_width = max(0, min(name_width, width - len(mark)))
        size = readable_size(self.size) if self.size else ""
        size = f"{size:>{SIZE_WIDTH}}" if width >= ROOMY else ""
        room = max(0, width - len(mark) - name_width - len(size) - 2)
        return Content.assemble(
            (mark, "$accent"),
            set_cell_size(cut(self.name, name_width), name_width),
            (size, QUIET),
            "  " if room else "",
            (cut(self._remark(room), room), "" if self.download or self.used else QUIET),
        )

    def _remark(self, room: int) -> str:
        """Return the remark that fits this many cells."""
        if self.remark or self.plan is None:
            return self.remark
        if room < ROOMY:
            return "in use" if self.used else _signed(self.plan, in_brief(self.plan))
        return f"in use: {verdict(self.plan)}" if self.used else fit(self.plan)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together."""

    title: str
    rows: tuple[Row, ...]


def sections(stock: Stock, view: View) -> list[Section]:
    """Return all models; sections without rows are left out."""
    offered = [_offered(one, stock, view) for one in stock.offered]
    fitting = [row for row in offered if not _is_too_large(row)]
    found = [
        Section("Installed", tuple(_installed(one, view) for one in stock.installed)),
        Section("Endpoints", tuple(_endpoint(one, view) for one in stock.endpoints)),
        Section("Found in other programs", tuple(_foreign(one, view) for one in stock.foreign)),
        Section(
            "To download: models that think before they answer",
            tuple(row for row in fitting if _thinks(row)),
        ),
        Section(
            "To download: models that answer at once",
            tuple(row for row in fitting if not _thinks(row)),
        ),
        Section("Interrupted downloads from elsewhere", tuple(_strangers(stock, view))),
        Section(
            "Too large for this machine, even in their smallest quantization",
            tuple(row for row in offered if _is_too_large(row)),
        ),
    ]
    return [section for section in found if section.rows]


def every(found: list[Section]) -> Iterator[Row]:
    """Yield the rows of all sections."""
    for section in found:
        yield from section.rows


def fit(plan: Plan | None) -> str:
    """Return how it would run here, with a sign before it; empty while unknown."""
    if plan is None:
        return ""
    return _signed(plan, verdict(plan))


def in_brief(plan: Plan) -> str:
    """Return the verdict in few cells: ``65/65 on GPU, 24k, 31/s``, or ``processor, 32k,
    4.2/s``.
    """
    if not plan.fits:
        return f"too large by {readable_size(_lacking(plan))}"
    place = f"{plan.gpu_layers}/{plan.layers_total} on GPU" if plan.gpu_layers else "processor"
    context = f"{plan.context // 1024}k" if plan.context >= 1024 else str(plan.context)
    rate = plan.speed.decode
    return ", ".join([place, context, *([f"{readable_rate(rate)}/s"] if rate else [])])


def _signed(plan: Plan, words: str) -> str:
    return f"{FITS if plan.fits else TOO_LARGE} {words}"


def _lacking(plan: Plan) -> int:
    return sum(max(0, load.total - load.free) for load in (*plan.devices, plan.host) if load.used)


def cut(text: str, width: int) -> str:
    """Return the text in at most ``width`` cells, without anything that a terminal would obey."""
    text = one_line(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…" if width else ""


def _installed(one: Installed, view: View) -> Row:
    used = one.spec == view.used
    remark = "in use" if used and one.plan is None else ""
    if one.model is None:
        remark = "comes with localqwq; created on first use"
    return Row(
        key=f"installed {one.spec}",
        name=one.spec,
        size=one.model.bytes if one.model else 0,
        remark=remark,
        thing=one,
        installed=one,
        used=used,
        default=view.default in (one.spec, one.spec.split(":")[0])
        or (view.names_model and one.is_default),
    )


def _endpoint(one: EndpointSettings, view: View) -> Row:
    return Row(
        key=f"endpoint {one.name}",
        name=one.name,
        size=0,
        remark=f"{one.url}, {one.model}" if one.model else one.url,
        thing=one,
        default=view.default == one.name,
    )


def _foreign(one: ForeignModel, view: View) -> Row:
    download = view.downloads.get(one.spec)
    return Row(
        key=f"foreign {one.spec}",
        name=one.spec,
        size=one.bytes,
        remark=in_short(download, one.bytes) or f"{one.program}, used in place",
        thing=one,
        download=download,
    )


def _offered(one: Offered, stock: Stock, view: View) -> Row:
    name = one.entry.name
    offer = one.offer(view.quants.get(name, "")) or _coming(one, view) or one.best
    spec = f"{name}:{offer.quant}"
    installed = next((known for known in stock.installed if known.spec == spec), None)
    download = view.downloads.get(spec) if installed is None else None
    remark = "installed" if installed else in_short(download, offer.bytes)
    return Row(
        key=f"offered {name}",
        name=spec,
        size=offer.bytes,
        remark=remark,
        thing=one,
        offer=offer,
        installed=installed,
        download=download,
    )


def _strangers(stock: Stock, view: View) -> Iterator[Row]:
    """Yield interrupted downloads outside the catalogue: only the command line knows their
    source.
    """
    known = {f"{one.entry.name}:{offer.quant}" for one in stock.offered for offer in one.offers}
    for one in stock.unfinished:
        download = view.downloads.get(one.spec)
        if one.spec not in known and download is not None:
            yield Row(
                key=f"unfinished {one.spec}",
                name=one.spec,
                size=one.bytes,
                remark="`localqwq pull` resumes it",
                thing=one,
                download=download,
            )


def _coming(one: Offered, view: View) -> Offer | None:
    """Return the quantization that is being downloaded, or was."""
    return next(
        (
            offer
            for offer in one.offers
            if (download := view.downloads.get(f"{one.entry.name}:{offer.quant}"))
            and download.state != "done"
        ),
        None,
    )


def _is_too_large(row: Row) -> bool:
    thing = row.thing
    if not isinstance(thing, Offered) or row.download or row.installed:
        return False
    return thing.best.plan is not None and not thing.best.plan.fits


def _thinks(row: Row) -> bool:
    return isinstance(row.thing, Offered) and row.thing.entry.thinks
