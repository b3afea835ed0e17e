"""Whether flash attention is faster on this machine's processor: measured once for each shape."""

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from localqwq.children import Child
from localqwq.engine.probing.probe_child import measured
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Machine

DEPTHS = (512, 4096)
"""Tokens in the context: a short chat, and one with a thought."""
TIME_LIMIT_S = 60.0
_CACHE_FILE = "attention"
_UNDISTURBED = 0.5
"""Share of processor time from which figures are kept: both kinds are disturbed alike."""
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class AttentionTimes(BaseModel):
    """The output of ``python -m localqwq.engine.probing.attention_probe``.

    For each of ``DEPTHS``: one layer's seconds for a token of an answer, and for one of a prompt.
    """

    plain: tuple[tuple[_Seconds, _Seconds], ...] = Field(min_length=2, max_length=2)
    flash: tuple[tuple[_Seconds, _Seconds], ...] = Field(min_length=2, max_length=2)
    share: _Seconds
    """Fraction of the requested processor time that was granted."""

    @property
    def flash_is_faster(self) -> bool:
        """Return whether flash attention takes less time over a conversation with thoughts.

        As many tokens are counted in the answers as in the prompts, half of both in a short
        context and half in a long one. A choice cannot change while a context is in use.
        """
        return sum(map(sum, self.flash)) < sum(map(sum, self.plain))


def with_attention(machine: Machine, facts: ModelFacts, *, measure: bool = False) -> Machine:
    """Return the machine with ``cpu_flash`` for this model, if it is known.

    With ``measure``, an unknown one is measured in a child process, a few seconds; what was
    measured on a very busy machine is not used.
    """
    times = _known(machine, facts)
    if times is None and measure and machine.llama_cpp is not None:
        times = _measured(machine, facts)
    return machine if times is None else replace(machine, cpu_flash=times.flash_is_faster)


def _known(machine: Machine, facts: ModelFacts) -> AttentionTimes | None:
    try:
        return AttentionTimes.model_validate(CacheFile(_CACHE_FILE).read()[key(machine, facts)])
    except (KeyError, ValidationError):
        return None


def _measured(machine: Machine, facts: ModelFacts) -> AttentionTimes | None:
    order = {
        "heads": facts.heads,
        "kv_heads": facts.kv_heads,
        "size": facts.key_length,
        "depths": DEPTHS,
        "threads": machine.threads,
    }
    found = measured(Child.ATTENTION_PROBE, order, AttentionTimes, TIME_LIMIT_S)
    if found is None or found.share < _UNDISTURBED:
        return None
    CacheFile(_CACHE_FILE).write(key(machine, facts), found.model_dump())
    return found


def key(machine: Machine, facts: ModelFacts) -> str:
    """Return the cache key of a shape on a machine with this build of llama.cpp."""
    shape = f"{facts.heads} heads, {facts.kv_heads} of keys, {facts.key_length} wide"
    return f"{machine.build}: {machine.cpu_name}, {machine.threads} threads, {shape}"
