"""The output of ``localqwq models`` without an action: what runs here, and what could."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from localqwq.hardware.machine import Machine
from localqwq.models.offers import Offer
from localqwq.models.stock import QUICK, Installed, Stock
from localqwq.planning.plan import Plan
from localqwq.planning.short_summary import need, place, shortage
from localqwq.planning.speed import readable_rate
from localqwq.sizes import readable_size

HEADINGS = ("model", "size", "context", "tokens/s", "layers")
_WIDEST = 110
"""Columns beyond which lines are hard to read."""
_NARROWEST = 20
"""Minimum width of the last column."""
_ROOMY = 8192
"""Tokens of context; a hard question takes most of them."""


def stock_lines(stock: Stock) -> Iterator[str]:
    """Yield the output for people: what runs here and how, what could, and what cannot."""
    machine, known = stock.machine, stock.installed
    if machine is not None:
        yield from wrapped(f"This machine: {_machine(machine)}.")
        yield ""
    yield f"Installed, in {stock.place}; * is used when no model is named:"
    yield from table([HEADINGS, *(_installed_row(one) for one in known)])
    if stock.unfinished:
        yield ""
        yield "Unfinished downloads; `localqwq pull NAME` resumes one:"
        yield from table(
            [(one.spec, f"{readable_size(one.bytes)} downloaded") for one in stock.unfinished]
        )
    yield from _choices([one.best for one in stock.offered], known)
    if machine is not None and machine.llama_cpp is not None and not machine.ram_bandwidth:
        yield ""
        yield from wrapped(
            "No speeds are shown, because this machine was too busy to measure them: try again "
            "when it is idle."
        )
    if stock.foreign:
        yield ""
        yield "Models of other programs; `localqwq models add NAME` uses one in place:"
        yield from table(
            [(model.spec, readable_size(model.bytes), model.program) for model in stock.foreign]
        )
    yield ""
    yield from wrapped(
        "See also: `localqwq models show NAME`, `localqwq models add FILE.gguf`, `localqwq pull "
        "hf:OWNER/NAME`, `localqwq convert`. `localqwq plan NAME` shows where each layer would go."
    )


def _choices(choices: Sequence[Offer], known: Sequence[Installed]) -> Iterator[str]:
    """Yield the catalogue models that are not installed, in the recommended quantization."""
    names = {one.spec.partition(":")[0] for one in known}
    new = [(offer, offer.plan) for offer in choices if offer.plan and offer.entry.name not in names]
    think = [(offer, plan) for offer, plan in new if plan.fits and offer.entry.thinks]
    at_once = [(offer, plan) for offer, plan in new if plan.fits and not offer.entry.thinks]
    unfit = [(offer, plan) for offer, plan in new if not plan.fits]
    for heading, group in (
        ("Would run here and think before answering; `localqwq pull NAME` downloads one:", think),
        ("Would run here and answer at once:", at_once),
    ):
        if group:
            yield ""
            yield heading
            rows = [
                (_offered(offer), readable_size(offer.bytes), *plan_cells(plan))
                for offer, plan in group
            ]
            yield from table([HEADINGS, *rows])
    if any(plan.speed.decode and plan.speed.decode < QUICK for _, plan in think):
        yield ""
        yield from wrapped(
            f"Thoughts are thousands of tokens long: below {QUICK:g} tokens per second, an answer "
            "takes many minutes. These speeds are estimates from measurements of this machine."
        )
    if cramped := [offer for offer, plan in think if plan.context < _ROOMY]:
        yield ""
        yield from wrapped(_room(cramped))
    if unfit:
        yield ""
        yield "Too large for this machine, even in their smallest quantization:"
        yield from table(
            [(_offered(offer), readable_size(offer.bytes), shortage(plan)) for offer, plan in unfit]
        )


def _room(cramped: Sequence[Offer]) -> str:
    """Return advice about models whose context is short."""
    *others, last = (offer.entry.name for offer in cramped)
    names = f"{', '.join(others)} and {last}" if others else last
    return (
        f"The context of {names} would be short here, and long thoughts fill it. A smaller "
        "quantization leaves more memory for context: see "
        f"`localqwq models show {cramped[0].entry.name}`."
    )


def _offered(offer: Offer) -> str:
    return f"{offer.entry.name}:{offer.quant}"


def _machine(machine: Machine) -> str:
    parts = [
        f"{machine.physical_cores} cores",
        f"{readable_size(machine.ram_total)} of memory "
        f"({readable_size(machine.ram_available)} available)",
    ]
    devices = [device for device in machine.devices if device.type != "CPU"]
    parts += [
        f"{device.description} ({readable_size(device.free)} free)" for device in devices
    ] or ["no usable GPU"]
    return ", ".join(parts)


def _installed_row(one: Installed) -> tuple[str, ...]:
    name = f"{one.spec} *" if one.is_default else one.spec
    if one.model is None:
        return name, "–", "–", "–", "built in, created on first use"
    size = readable_size(one.model.bytes)
    if one.plan is None:
        return name, size, "–", "–", "cannot be read: see `localqwq models verify`"
    *cells, where = plan_cells(one.plan)
    if one.plan.facts.pooling is not None:
        where += "; for embeddings"
    return name, size, *cells, f"{where}; built in" if one.is_demo else where


def plan_cells(plan: Plan | None) -> tuple[str, str, str]:
    """Return context, tokens per second while answering, and the placement or what is missing."""
    if plan is None:
        return "–", "–", "–"
    if not plan.fits:
        return "–", "–", f"does not fit: {need(plan)}"
    speed = readable_rate(plan.speed.decode) if plan.speed.decode else "–"
    return f"{plan.context:,}", speed, place(plan)


def parameter_count(count: int) -> str:
    """Return millions or billions, as in model names."""
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.1f} M"


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield aligned rows; all but the outer columns are right-aligned, and the last one wraps."""
    *widths, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    start = 2 + sum(widths) + 2 * len(widths)
    for name, *numbers, text in rows:
        cells = [name.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        first, *more = textwrap.wrap(text, max(_NARROWEST, _width() - start)) or [""]
        yield "  " + "  ".join([*cells, first]).rstrip()
        yield from (" " * start + line for line in more)


def wrapped(text: str) -> list[str]:
    """Return a sentence wrapped to the terminal's width."""
    return textwrap.wrap(text, _width())


def _width() -> int:
    return min(_WIDEST, shutil.get_terminal_size().columns)
