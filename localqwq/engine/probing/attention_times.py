"""Whether flash attention is faster on this machine's processor: measured once for each shape.

For its devices, see :mod:`localqwq.engine.probing.device_attention`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import isinf, isnan
from typing import Any, Self

from localqwq.children import Child
from localqwq.codec import Malformed
from localqwq.engine.probing.probe_child import measured
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Machine

DEPTHS = (128, 512, 4096)
"""Tokens in the context: a question, a short chat, and one with a thought."""
_OTHER = 512
"""Tokens of each other conversation that is answered at the same time."""
TIME_LIMIT_S = 60.0
_CACHE_FILE = "attention"
_UNDISTURBED = 0.5
"""Share of processor time from which figures are final. Below, both kinds were disturbed alike, so
they decide until there are better ones.
"""
_Times = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class AttentionTimes:
    """The output of ``attention_probe`` and ``device_attention_probe``.

    For each of ``DEPTHS``: one layer's seconds for a token of an answer, and for one of a prompt;
    infinite for flash attention that a device cannot compute.
    """

    plain: _Times
    flash: _Times
    share: float
    """Fraction of the requested processor time that was granted."""

    @classmethod
    def of(cls, document: Any) -> Self:
        """Return the times in a document; raises :class:`Malformed` if it has none."""
        try:
            plain, flash = _times(document["plain"]), _times(document["flash"])
            share = _positive(document["share"])
        except (KeyError, TypeError, ValueError):
            raise Malformed(f"{document!r:.80} are not times") from None
        if any(isinf(seconds) for pair in plain for seconds in pair):
            raise Malformed(f"{document!r:.80} has endless times")
        return cls(plain, flash, share)

    def flash_is_faster(self, parallel: int = 1, *, headstart: float = 1.0) -> bool:
        """Return whether flash attention takes less time over a conversation with thoughts.

        As many tokens are counted in the answers as in the prompts, and as many at each depth. A
        choice cannot change while a context is in use. Of ``parallel`` conversations at once, only
        plain attention computes the others' cells, whose results are not used. ``headstart``: how
        many times as long flash attention may take.
        """
        others = (parallel - 1) * _OTHER
        plain = (
            _at(depth + others, times)
            for times in zip(*self.plain, strict=True)
            for depth in DEPTHS
        )
        return sum(map(sum, self.flash)) < headstart * sum(plain)


def _at(depth: int, times: Sequence[float]) -> float:
    """Return the seconds at any depth, given those at ``DEPTHS``: they grow in straight lines."""
    last = bisect_left(DEPTHS, depth, 1, len(DEPTHS) - 1)
    shallow, deep = DEPTHS[last - 1], DEPTHS[last]
    slope = (times[last] - times[last - 1]) / (deep - shallow)
    return times[last - 1] + slope * (depth - shallow)


def _times(rows: Any) -> _Times:
    found = tuple((_positive(answer), _positive(prompt)) for answer, prompt in rows)
    if len(found) != len(DEPTHS):
        raise Malformed(f"{rows!r:.80} are not the times of {len(DEPTHS)} depths")
    return found


def _positive(value: Any) -> float:
    if not isinstance(value, int | float) or isnan(value) or value <= 0:
        raise Malformed(f"{value!r:.80} is not a time")
    return float(value)


def with_attention(
    machine: Machine, facts: ModelFacts, parallel: int = 1, *, measure: bool = False
) -> Machine:
    """Return the machine with ``cpu_flash`` for so many conversations at once, if it is known.

    With ``measure``, an unknown one is measured in a child process, a few seconds, and so is one
    that was measured while other programs had most of the processor.
    """
    times = _known(machine, facts)
    is_final = times is not None and times.share >= _UNDISTURBED
    if measure and not is_final and machine.llama_cpp is not None:
        times = _measured(machine, facts, times)
    if times is None:
        return machine
    return replace(machine, cpu_flash=times.flash_is_faster(parallel))


def _known(machine: Machine, facts: ModelFacts) -> AttentionTimes | None:
    try:
        return AttentionTimes.of(CacheFile(_CACHE_FILE).read()[key(machine, facts)])
    except (KeyError, Malformed):
        return None


def _measured(
    machine: Machine, facts: ModelFacts, before: AttentionTimes | None
) -> AttentionTimes | None:
    """Measure, and keep and return the less disturbed of this measurement and the one before."""
    order = {
        "heads": facts.heads,
        "kv_heads": facts.kv_heads,
        "size": facts.key_length,
        "depths": DEPTHS,
        "threads": machine.threads,
    }
    found = measured(Child.ATTENTION_PROBE, order, AttentionTimes.of, TIME_LIMIT_S)
    if found is None or (before is not None and before.share > found.share):
        return before
    CacheFile(_CACHE_FILE).write(key(machine, facts), asdict(found))
    return found


def key(machine: Machine, facts: ModelFacts) -> str:
    """Return the cache key of a shape on a machine with this build of llama.cpp."""
    return f"{machine.build}: {machine.cpu_name}, {machine.threads} threads, {shape(facts)}"


def shape(facts: ModelFacts) -> str:
    """Return what the time of attention depends on, as a part of a key."""
    return f"{facts.heads} heads, {facts.kv_heads} of keys, {facts.key_length} wide"
