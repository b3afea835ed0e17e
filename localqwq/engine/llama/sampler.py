"""The chain of samplers that chooses each token, in C."""

import ctypes
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.gguf.sampling import Sampling

_SEEDS = 0xFFFF_FFFF
"""Seeds have 32 bits, and llama.cpp takes the largest as "choose one"."""
_COLDEST = 1e-5
"""Dividing logits by less exceeds the range of 32-bit floats; sampling would be greedy anyway."""
BAN = -1e30
"""A bias that no token survives. It is not minus infinity: if all tokens are banned there must be a
finite maximum, or llama.cpp computes with NaN.
"""


def with_seed(sampling: Sampling) -> Sampling:
    """Return the sampling with a seed that llama.cpp uses as it is, a random one if there is
    none.
    """
    seed = secrets.randbelow(_SEEDS) if sampling.seed is None else sampling.seed % _SEEDS
    return replace(sampling, seed=seed)


@contextmanager
def sampler_chain(
    sampling: Sampling,
    model: Model,
    *,
    context: int,
    past: Sequence[int] = (),
    bias: Mapping[int, float] | None = None,
) -> Iterator[Any]:
    """Yield a ``llama_sampler`` chain for one generation, freed at the end.

    The order is llama.cpp's (``common_sampler_init``): bias, penalties, DRY, top-k, typical, top-p,
    min-p, XTC, temperature, draw. ``sampling`` must have a seed and no
    :meth:`~localqwq.gguf.sampling.Sampling.problem`; ``bias`` is added to the logits of tokens
    that the vocabulary has. Penalties and DRY look back on at most ``context`` tokens, and on the
    prompt, ``past``, too.
    """
    llama = binding()
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    try:
        for sampler in _samplers(llama, sampling, model, bias or {}, context):
            llama.llama_sampler_chain_add(chain, sampler)
        window = max(_penalty_window(sampling, context), _dry_window(sampling, context))
        for token in past[-window:] if window else ():
            llama.llama_sampler_accept(chain, token)
        yield chain
    finally:
        llama.llama_sampler_free(chain)  # frees its samplers too


def _samplers(
    llama: Any, sampling: Sampling, model: Model, bias: Mapping[int, float], context: int
) -> Iterator[Any]:
    if bias:
        yield _bias(llama, model, bias)
    if window := _penalty_window(sampling, context):
        yield llama.llama_sampler_init_penalties(
            model.size,
            window,
            sampling.repeat_penalty,
            sampling.frequency_penalty,
            sampling.presence_penalty,
        )
    if window := _dry_window(sampling, context):
        yield _dry(llama, model, sampling, window)
    if sampling.temperature < _COLDEST:
        yield llama.llama_sampler_init_greedy()
        return
    yield llama.llama_sampler_init_top_k(sampling.top_k)
    if sampling.typical_p < 1:
        yield llama.llama_sampler_init_typical(sampling.typical_p, 1)
    yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
    yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
    if sampling.xtc_probability > 0:
        yield llama.llama_sampler_init_xtc(
            sampling.xtc_probability, sampling.xtc_threshold, 1, sampling.seed
        )
    yield llama.llama_sampler_init_temp(sampling.temperature)
    yield llama.llama_sampler_init_dist(sampling.seed)


def _penalty_window(sampling: Sampling, context: int) -> int:
    """Return the tokens that the penalties look back on; 0 if they have no effect."""
    plain = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    return 0 if plain == (1, 0, 0) else _window(sampling.repeat_last_n, context)


def _dry_window(sampling: Sampling, context: int) -> int:
    """Return the tokens that DRY looks back on; 0 if it has no effect."""
    if sampling.dry_multiplier == 0:
        return 0
    return _window(sampling.dry_penalty_last_n, context)


def _window(wanted: int, context: int) -> int:
    """Return a window that can be allocated: no longer than the context."""
    return context if wanted < 0 else min(wanted, context)


def _bias(llama: Any, model: Model, bias: Mapping[int, float]) -> Any:
    entries = (llama.llama_logit_bias * len(bias))(*sorted(bias.items()))
    return llama.llama_sampler_init_logit_bias(model.size, len(bias), entries)


def _dry(llama: Any, model: Model, sampling: Sampling, window: int) -> Any:
    texts = [text.encode("utf-8", "replace") for text in sampling.dry_sequence_breakers]
    return llama.llama_sampler_init_dry(
        model.vocabulary,
        sampling.dry_multiplier,
        sampling.dry_base,
        sampling.dry_allowed_length,
        window,
        (ctypes.c_char_p * len(texts))(*texts),
        len(texts),
    )
