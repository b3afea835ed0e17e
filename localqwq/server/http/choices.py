"""Several answers to one prompt."""

from dataclasses import replace

from localqwq.engine.request import GenerationRequest
from localqwq.gguf.sampling import Sampling


def several(request: GenerationRequest, count: int | None) -> list[GenerationRequest]:
    """Return ``count`` copies of the request, each with the next seed if it has one."""
    return [_seeded(request, offset) for offset in range(count or 1)]


def _seeded(request: GenerationRequest, offset: int) -> GenerationRequest:
    sampling = request.sampling or Sampling()
    if sampling.seed is None or not offset:
        return request
    return replace(request, sampling=replace(sampling, seed=sampling.seed + offset))
