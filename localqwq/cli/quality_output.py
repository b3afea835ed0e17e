"""What ``localqwq quality`` prints: a document for scripts, a table and a picture for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from localqwq.gguf.facts import read_facts
from localqwq.packs.picture import drawing
from localqwq.quality.corpus import Source
from localqwq.quality.measuring import Measured
from localqwq.quality.subjects import Subjects
from localqwq.sizes import readable_size


def as_json(found: Subjects, source: Source, measured: Measured) -> dict[str, object]:
    """Return the figures of one model, for scripts."""
    summary = measured.summary
    document: dict[str, object] = {
        "model": measured.candidate.name,
        "reference": found.reference.name if found.reference else None,
        "source": source.label,
        "bytes": read_facts(measured.candidate.resolved.path).bytes,
        "tokens": summary.count,
        "perplexity": summary.perplexity.value,
        "perplexity_error": summary.perplexity.error,
        "kld": None,
        "top1": None,
        "top5": None,
        "seconds": measured.seconds,
    }
    divergence = summary.divergence
    if divergence is not None:
        kld: dict[str, float | None] = {"max": divergence.max}
        for name in ("mean", "median", "p90", "p99", "p999"):
            estimate = getattr(divergence, name)
            kld |= {name: estimate.value, f"{name}_error": estimate.error}
        kld["compact_error"] = divergence.compact_error
        document |= {
            "kld": kld,
            "top1": divergence.top1.value,
            "top1_error": divergence.top1.error,
            "top5": divergence.top5.value,
            "top5_error": divergence.top5.error,
        }
    return document


def lines(found: Subjects, source: Source, measured: Sequence[Measured]) -> Iterator[str]:
    """Yield a table and a picture."""
    against = f", against {found.reference.name}" if found.reference else ""
    yield f"{found.name} on {source.label} ({measured[0].summary.count:,} tokens scored){against}"
    yield ""
    is_compared = any(one.summary.divergence for one in measured)
    rows = [_HEADINGS, *map(_row, measured)]
    rows = rows if is_compared else [row[:_OWN] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *rest = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *rest]).rstrip()
    errors = [one.summary.divergence.compact_error for one in measured if one.summary.divergence]
    known = [error for error in errors if error is not None]
    if known:
        yield ""
        yield (
            "The reference's most likely words alone were kept: the mean divergence is too small "
            f"by up to {max(known):.1%}, as measured on the first chunks."
        )
    points = found.points(measured)
    if len(points) > 1:
        yield ""
        yield from drawing(points)


_HEADINGS = (
    "model", "size", "perplexity", "KL mean", "median", "90 %", "99 %", "99.9 %", "max",
    "same top 1", "top 5",
)  # fmt: skip

_OWN = 3
"""Columns that need no reference."""


def _row(measured: Measured) -> tuple[str, ...]:
    summary = measured.summary
    size = readable_size(read_facts(measured.candidate.resolved.path).bytes)
    perplexity = f"{summary.perplexity.value:.4g} ± {summary.perplexity.error:.2g}"
    first = (measured.candidate.name, size, perplexity)
    divergence = summary.divergence
    if divergence is None:
        return (*first, "", *[""] * 7)
    quantiles = (divergence.median, divergence.p90, divergence.p99, divergence.p999)
    return (
        *first,
        f"{divergence.mean.value:.3g} ± {divergence.mean.error:.1g}",
        *(f"{one.value:.3g}" for one in quantiles),
        f"{divergence.max:.3g}",
        f"{divergence.top1.value:.2%} ± {100 * divergence.top1.error:.2f}",
        f"{divergence.top5.value:.2%} ± {100 * divergence.top5.error:.2f}",
    )
