"""The chain of samplers that picks each token, in C."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from localqwq.engine.library import binding
from localqwq.gguf.sampling import Sampling

_PENALTY_WINDOW = 64
"""Tokens that the repetition penalty looks back on: llama.cpp's own default."""
_SEEDS = 0xFFFF_FFFF
"""Seeds are 32 bits, and llama.cpp takes the largest as "draw one"."""


def with_seed(sampling: Sampling) -> Sampling:
    """The same with a seed that llama.cpp takes as it is: a drawn one where there is none."""
    seed = secrets.randbelow(_SEEDS) if sampling.seed is None else sampling.seed % _SEEDS
    return replace(sampling, seed=seed)


@contextmanager
def sampler_chain(sampling: Sampling, vocabulary: int) -> Iterator[Any]:
    """A ``llama_sampler`` chain for one generation, freed at the end.

    The order is llama.cpp's: penalties, top-k, top-p, min-p, temperature, draw. ``vocabulary`` is
    the number of tokens; ``sampling`` must have a seed.
    """
    llama = binding()
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    try:
        for sampler in _samplers(llama, sampling, vocabulary):
            llama.llama_sampler_chain_add(chain, sampler)
        yield chain
    finally:
        llama.llama_sampler_free(chain)  # frees the samplers in it, too


def _samplers(llama: Any, sampling: Sampling, vocabulary: int) -> Iterator[Any]:
    if sampling.repeat_penalty != 1.0:
        yield llama.llama_sampler_init_penalties(
            vocabulary, _PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0
        )
    if sampling.temperature <= 0:
        yield llama.llama_sampler_init_greedy()
        return
    yield llama.llama_sampler_init_top_k(sampling.top_k)
    yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
    yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
    yield llama.llama_sampler_init_temp(sampling.temperature)
    yield llama.llama_sampler_init_dist(sampling.seed)
