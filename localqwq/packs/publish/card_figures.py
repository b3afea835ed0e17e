"""What was measured, on a model card: a table, a picture, and how to find each figure again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from localqwq.packs.catalogue import PublishedFigure
from localqwq.packs.figures import Evaluation, Figures, Quality, Speed
from localqwq.packs.manifest import Manifest
from localqwq.packs.picture import Point
from localqwq.packs.publish.markdown import code, plain, table
from localqwq.sizes import readable_size

PICTURE_NAME = "quality.svg"
"""The file of the picture beside a card."""

_Found = TypeVar("_Found", Quality, Evaluation, Speed)
_NONE = ""
_ANY = "QUANTIZATION"
"""Stands in commands for the quantizations that they are run with."""
_HARNESSES = (
    "Two harnesses differ by 2 to 4 points on the same model, through their prompts, samplers and "
    "verifiers; smaller differences between the makers' figures and those above say nothing."
)


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    cell: Callable[[str], str]
    """Returns what it says of a quantization; empty for nothing."""


def points(manifest: Manifest) -> list[Point]:
    """Return what a picture shows: bytes and divergence on the first text that has any."""
    suite = next((one.suite for one in manifest.figures.quality if one.kld_mean is not None), None)
    sizes = _sizes(manifest)
    return [
        Point(one.quant, sizes[one.quant], one.kld_mean)
        for one in manifest.figures.quality
        if one.suite == suite and one.kld_mean is not None
    ]


def measured(manifest: Manifest) -> Iterator[str]:
    """Yield a section about what was measured; nothing if nothing was."""
    figures = manifest.figures
    if not figures:
        return
    sizes = _sizes(manifest)
    bits = {file.quant: file.bits_per_weight for file in manifest.files}
    columns = [
        _Column("Size", lambda quant: readable_size(sizes[quant])),
        _Column("Bits per weight", lambda quant: f"{bits[quant]:.2f}"),
        *_quality_columns(figures.quality),
        *_speed_columns(figures.speeds),
        *_evaluation_columns(figures.evaluations),
    ]
    yield "## What was measured"
    yield ""
    yield from table(
        ["Quantization", *(column.heading for column in columns)],
        [[quant, *(column.cell(quant) for column in columns)] for quant in manifest.quants],
    )
    yield from _explained(figures)
    if points(manifest):
        yield f"![Size against divergence]({PICTURE_NAME})"
        yield ""
    yield from _again(figures)


def makers(base: str, found: Sequence[PublishedFigure]) -> Iterator[str]:
    """Yield a section with the figures that the makers of ``base``, or others, published of it."""
    if not found:
        return
    yield "## The makers' figures"
    yield ""
    yield f"Published of {plain(base)} before it was quantized, in percent:"
    yield ""
    rows = [[plain(one.suite), f"{one.value:.1f}", plain(one.source)] for one in found]
    yield from table(["Benchmark", "Right", "Source"], rows)
    yield _HARNESSES
    yield ""


def _sizes(manifest: Manifest) -> dict[str, int]:
    return {quant: sum(file.bytes for file in manifest.parts(quant)) for quant in manifest.quants}


def _quality_columns(found: Sequence[Quality]) -> Iterator[_Column]:
    for suite in dict.fromkeys(one.suite for one in found):
        on = f", {plain(suite)}"
        of = {one.quant: one for one in found if one.suite == suite}
        if any(one.kld_mean is not None for one in of.values()):
            yield _Column(f"KL divergence{on}", _cell(of, _divergence))
            yield _Column(f"Same top word{on}", _cell(of, _agreement))
        yield _Column(f"Perplexity{on}", _cell(of, _perplexity))


def _speed_columns(found: Sequence[Speed]) -> Iterator[_Column]:
    for machine in dict.fromkeys(one.machine for one in found):
        of = {one.quant: one for one in found if one.machine == machine}
        yield _Column(f"Tokens/s on {plain(machine)}", _cell(of, _rate))


def _evaluation_columns(found: Sequence[Evaluation]) -> Iterator[_Column]:
    for suite, budget in dict.fromkeys((one.suite, one.budget) for one in found):
        of = {one.quant: one for one in found if (one.suite, one.budget) == (suite, budget)}
        yield _Column(_task(suite, budget), _cell(of, _share))


def _cell(of: dict[str, _Found], shown: Callable[[_Found], str]) -> Callable[[str], str]:
    return lambda quant: shown(of[quant]) if quant in of else _NONE


def _divergence(one: Quality) -> str:
    if one.kld_mean is None:
        return "the reference" if one.reference else _NONE
    return f"{one.kld_mean:.3g} ± {one.kld_mean_error or 0:.1g}"


def _agreement(one: Quality) -> str:
    return _NONE if one.top1 is None else f"{one.top1:.1%} ± {100 * (one.top1_error or 0):.1f}"


def _perplexity(one: Quality) -> str:
    return f"{one.perplexity:.4g} ± {one.perplexity_error:.2g}"


def _rate(one: Speed) -> str:
    return f"{one.generate_tps:,.1f}, reads {one.prompt_tps:,.1f}"


def _share(one: Evaluation) -> str:
    vote = "" if one.majority is None else f"; vote of {one.votes}: {one.majority:.1%}"
    return f"{one.accuracy:.1%} ({one.low:.1%} to {one.high:.1%}){vote}"


def _task(suite: str, budget: int | None) -> str:
    return plain(suite) if budget is None else f"{plain(suite)}, {budget:,} tokens of thought"


def _explained(figures: Figures) -> Iterator[str]:
    if any(one.kld_mean is not None for one in figures.quality):
        yield "- KL divergence: how far the predictions are from those of the reference, in nats"
        yield "  (mean and standard error); 0 means the same predictions."
        yield "- Same top word: how often both find the same word most likely."
    if figures.quality:
        yield "- Perplexity: how surprised the model is by the text; comparable on one text only."
    if figures.speeds:
        yield "- Tokens/s: of one answer at a time, and of reading a prompt."
    if figures.evaluations:
        yield "- Right answers are in percent, with the 95 % interval."
    yield ""


def _again(figures: Figures) -> Iterator[str]:
    """Yield a line for each command, with the quantizations and all that it measures of them."""
    yield "### How to find the figures again"
    yield ""
    found: list[tuple[str, Quality | Speed | Evaluation]] = [
        *((_of_quality(one), one) for one in figures.quality),
        *((_of_speed(one), one) for one in figures.speeds),
        *((_of_evaluation(one), one) for one in figures.evaluations),
    ]
    quants: dict[tuple[str, ...], dict[str, None]] = {}
    for what, one in found:
        command = one.command.replace(f":{one.quant}", f":{_ANY}")
        key = (what, one.date, one.machine, one.version, command)
        quants.setdefault(key, {})[one.quant] = None
    whats: dict[tuple[str, ...], list[str]] = {}
    for (what, *how), of in quants.items():
        whats.setdefault((", ".join(of), *how), []).append(what)
    for (of_these, date, machine, version, command), measured_there in whats.items():
        yield f"- {of_these}: {'; '.join(measured_there)}"
        yield f"  ({date}, {plain(machine)}, {plain(version)}): {code(command)}"
    yield ""


def _of_quality(one: Quality) -> str:
    against = f" against {plain(one.reference)}" if one.reference else ""
    return f"{plain(one.suite)}, {one.tokens:,} tokens{against}"


def _of_speed(one: Speed) -> str:
    return (
        f"{one.prompt_tokens:,} tokens read and {one.generate_tokens:,} written, "
        f"{plain(one.placement)}"
    )


def _of_evaluation(one: Evaluation) -> str:
    if one.temperature:
        sampling = f"temperature {one.temperature:g}, top-p {one.top_p:g}, top-k {one.top_k}"
    else:
        sampling = "greedy"
    return (
        f"{_task(one.suite, one.budget)}, {one.problems:,} problems, {one.answers:,} answers, "
        f"{sampling}, at most {one.max_tokens:,} tokens, seed {one.seed}"
    )
