"""What was measured of one quantization of a pack, as its manifest states it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from localqwq.packs.printable import Text

_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Nats = Annotated[float, Field(ge=-1, allow_inf_nan=False)]
"""Rounding makes tiny divergences negative."""


class Measurement(BaseModel):
    """Figures of one quantization on one text, and how to find them again."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    quant: Text
    suite: Text
    """What it was measured on: the name of a text, or ``own thoughts``."""
    tokens: Annotated[int, Field(gt=0)]
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
    date: Text
    """Of the measurement: YYYY-MM-DD."""
    version: Text
    """Of localqwq and of llama.cpp."""
    machine: Text
    command: Text
    """What measures it again."""
