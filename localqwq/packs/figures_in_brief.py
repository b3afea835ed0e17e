"""What was measured of one quantization, in a few lines for lists of models."""

from collections.abc import Iterator

from localqwq.packs.figures import Evaluation, Figures, Quality, Speed


def in_brief(figures: Figures, quant: str) -> Iterator[str]:
    """Yield lines about a quantization; none if nothing was measured of it."""
    found = figures.of([quant])
    yield from map(_quality, found.quality)
    yield from map(_evaluation, found.evaluations)
    yield from map(_speed, found.speeds)


def _quality(one: Quality) -> str:
    if one.kld_mean is None:
        return f"perplexity {one.perplexity:.4g} on {one.suite}"
    words = f"KL divergence {one.kld_mean:.3g} from {one.reference or 'its reference'}"
    if one.top1 is not None:
        words += f", same top word {one.top1:.1%}"
    return f"{words}, on {one.suite}"


def _evaluation(one: Evaluation) -> str:
    budget = "" if one.budget is None else f" with {one.budget:,} tokens of thought"
    return f"{one.accuracy:.1%} right ({one.low:.1%} to {one.high:.1%}) in {one.suite}{budget}"


def _speed(one: Speed) -> str:
    return f"{one.generate_tps:,.1f} tokens/s on {one.machine}"
