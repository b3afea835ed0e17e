"""What was measured of a pack's quantizations, as its manifest states it."""

from collections.abc import Callable, Collection, Iterable
from typing import Annotated, Self, TypeVar

from pydantic import ConfigDict, Field

from localqwq.deferred_model import DeferredModel
from localqwq.packs.printable import Text

_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Nats = Annotated[float, Field(ge=-1, allow_inf_nan=False)]
"""Rounding makes tiny divergences negative."""
_Count = Annotated[int, Field(gt=0, le=1 << 53)]
_Date = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]

_Found = TypeVar("_Found", bound="_Measured")


class _Strict(DeferredModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Measured(_Strict):
    """What was measured of one quantization, and how to find it again."""

    quant: Text
    date: _Date
    """Of the measurement: YYYY-MM-DD."""
    version: Text
    """Of localqwq and of llama.cpp."""
    machine: Text
    command: Text
    """What measures it again."""


class Quality(_Measured):
    """How well a quantization predicts a text, and how far it is from a reference."""

    suite: Text
    """What it was measured on: the name of a text, or ``own thoughts``."""
    tokens: _Count
    """Tokens that were predicted."""
    perplexity: _Amount
    perplexity_error: _Amount
    """Standard error, like all errors here."""
    reference: Text | None = None
    """What it is compared with."""
    kld_mean: _Nats | None = None
    """KL divergence from the reference in nats."""
    kld_mean_error: _Amount | None = None
    kld_median: _Nats | None = None
    kld_p90: _Nats | None = None
    kld_p99: _Nats | None = None
    kld_p999: _Nats | None = None
    kld_max: _Nats | None = None
    top1: _Share | None = None
    """Share of tokens for which both find the same word most likely."""
    top1_error: _Amount | None = None
    top5: _Share | None = None
    """Mean share of the reference's five most likely words among the quantization's."""
    top5_error: _Amount | None = None


class Evaluation(_Measured):
    """How often a quantization is right; intervals are at 95 %."""

    suite: Text
    """The name of the problems."""
    budget: Annotated[int, Field(ge=-1)] | None = None
    """Maximum tokens of thought; None for no limit."""
    problems: _Count
    answers: _Count
    """To all problems together."""
    accuracy: _Share
    """Mean over problems of the share of right answers."""
    low: _Share
    high: _Share
    votes: _Count | None = None
    """Answers to each problem that a vote was taken of."""
    majority: _Share | None = None
    """Share of problems that the vote gets right."""
    majority_low: _Share | None = None
    majority_high: _Share | None = None
    thought_median: _Amount
    """Tokens."""
    thought_most: _Amount
    """Tokens that 95 % of the thoughts do not exceed."""
    temperature: _Amount
    top_p: _Share
    top_k: Annotated[int, Field(ge=0)]
    max_tokens: _Count
    seed: Annotated[int, Field(ge=0)]
    """What the problems were drawn from, and the answers."""


class Speed(_Measured):
    """How fast a quantization is on a machine, in tokens per second."""

    prompt_tokens: _Count
    """Tokens of the prompt that was read."""
    prompt_tps: _Amount
    generate_tokens: _Count
    generate_tps: _Amount
    placement: Text
    """What computed it: processor and devices."""


class Figures(_Strict):
    """All that was measured of a pack."""

    quality: list[Quality] = Field(default_factory=list, max_length=256)
    evaluations: list[Evaluation] = Field(default_factory=list, max_length=256)
    speeds: list[Speed] = Field(default_factory=list, max_length=128)

    def __bool__(self) -> bool:
        """Return whether anything was measured."""
        return bool(self.quality or self.evaluations or self.speeds)

    def of(self, quants: Collection[str]) -> Self:
        """Return what was measured of these quantizations."""
        return type(self)(
            quality=[one for one in self.quality if one.quant in quants],
            evaluations=[one for one in self.evaluations if one.quant in quants],
            speeds=[one for one in self.speeds if one.quant in quants],
        )

    def joined(self, other: Self) -> Self:
        """Return these with others; of the same measurement, the later one counts.

        Raises ``ValueError`` if they are more than a manifest may have.
        """
        return type(self)(
            quality=_latest(self.quality, other.quality, lambda one: (one.quant, one.suite)),
            evaluations=_latest(
                self.evaluations,
                other.evaluations,
                lambda one: (one.quant, one.suite, one.budget),
            ),
            speeds=_latest(self.speeds, other.speeds, lambda one: (one.quant, one.machine)),
        )


def _latest(
    known: Iterable[_Found], new: Iterable[_Found], key: Callable[[_Found], object]
) -> list[_Found]:
    found: dict[object, _Found] = {}
    for one in (*known, *new):
        before = found.get(key(one))
        if before is None or one.date >= before.date:
            found[key(one)] = one
    return list(found.values())
