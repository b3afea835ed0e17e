"""The output of ``localqwq models show`` for a catalogue model that is not installed."""

from collections.abc import Iterator

from localqwq.cli.models_list import HEADINGS, parameter_count, plan_cells, table, wrapped
from localqwq.models.offers import Offer, planned
from localqwq.models.outlook import look
from localqwq.packs.catalogue import Entry, Origin
from localqwq.sizes import readable_size


def entry_lines(entry: Entry) -> Iterator[str]:
    """Yield its description, and how each of its quantizations would run here."""
    yield f"{entry.name} is not installed; download it with `localqwq pull {entry.name}`."
    yield ""
    for label, value in _about(entry):
        yield f"{label:14}{value}"
    offered = planned(entry, look(measure="if quiet"))
    if offered is None:
        return
    choice = offered.best
    yield ""
    yield "Quantizations; * is the one that `pull` chooses:"
    headings = ("", HEADINGS[1], "bits/weight", *HEADINGS[2:])
    yield from table([headings, *(_row(offer, offer is choice) for offer in offered.offers)])
    if choice.plan:
        yield ""
        yield from wrapped(choice.plan.why)


def _about(entry: Entry) -> list[tuple[str, str]]:
    context = f"{entry.context:,} tokens"
    if rope := entry.rope:
        context += f" ({rope.type}, {rope.factor:g} times {rope.original_context:,})"
    sampling = ", ".join(f"{key} {value:g}" for key, value in entry.sampling.items())
    return [
        ("name", f"{entry.title}, by {entry.maker}"),
        ("summary", entry.summary),
        ("architecture", entry.architecture),
        ("parameters", f"{parameter_count(entry.parameters)} ({entry.parameters:,})"),
        ("context", context),
        ("thinks", "before it answers" if entry.thinks else "no, it answers at once"),
        ("sampling", sampling or "not stated"),
        ("license", entry.license),
        ("base model", entry.base_model),
        *(("note", quirk) for quirk in entry.quirks),
        *(("source", _source(origin)) for origin in entry.origins),
    ]


def _source(origin: Origin) -> str:
    unchecked = " (the address was not checked)" if origin.unchecked else ""
    return f"{origin.hub}: {origin.repository}{unchecked}"


def _row(offer: Offer, chosen: bool) -> tuple[str, ...]:
    return (
        f"{offer.quant} *" if chosen else offer.quant,
        readable_size(offer.bytes),
        f"{offer.plan.facts.bits_per_weight:.2f}" if offer.plan else "–",
        *plan_cells(offer.plan),
    )
