"""Which sequence of the KV cache holds which tokens, so that common beginnings are read once."""

from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field
from itertools import count

from localqwq.engine.llama.context import Context
from localqwq.engine.states.store import StateStore
from localqwq.planning.memory import IDLE_SEQUENCES

_WORTH_SAVING = 256
"""Tokens; fewer are read again faster than a state is moved."""
_WORTH_LOADING = 64
"""Tokens that a stored state must spare beyond what the cache has."""


@dataclass(slots=True, eq=False)
class Sequence:
    """One sequence in the KV cache."""

    id: int
    tokens: list[int] = field(default_factory=list)
    """What the cache holds of it."""
    active: bool = True
    """Somebody adds to it."""
    used: int = 0
    """When that ended, as a count."""
    private: bool = False
    """It is not stored when it is evicted."""


class Sequences:
    """The sequences of one context, active and idle ones.

    Idle ones are kept for prompts that begin like them. A prompt that leaves one in the middle
    shares the beginning and lets the rest be, which costs nothing in a unified cache, until the
    room is needed.
    """

    def __init__(self, context: Context, states: StateStore | None) -> None:
        """``states`` takes what is evicted."""
        self._context = context
        self._states = states
        self._all: dict[int, Sequence] = {}
        self._clock = count(1)

    def open(self, prompt: Tokens[int], *, reuse: bool = True, private: bool = False) -> Sequence:
        """A sequence for the prompt, with as much of it as is there already.

        At least the prompt's last token is not, since its logits must be computed. Without
        ``reuse`` nothing is. A ``private`` one is never stored.
        """
        sequence = self._open(prompt, reuse=reuse)
        sequence.private = private
        return sequence

    def _open(self, prompt: Tokens[int], *, reuse: bool) -> Sequence:
        most = len(prompt) - 1
        best, common = self._closest(prompt, most) if reuse else (None, 0)
        if self._states is not None and reuse:
            stored = self._states.find(prompt)
            if (
                stored is not None
                and stored.length <= self._context.size
                and min(stored.common, most) >= common + _WORTH_LOADING
            ):
                state = self._states.load(stored)
                kept = prompt[: min(stored.common, most)]
                loaded = None if state is None else self._load(state, kept)
                if loaded is not None:
                    return loaded
                best, common = self._closest(prompt, most)  # that one may have made room in vain
        if best is not None and not best.active and common >= len(best.tokens) - 1:
            best.active = True
            self.cut(best, common)
            return best
        fresh = self._new()
        if best is not None and common:
            self._context.copy(best.id, fresh.id, common)
            fresh.tokens = best.tokens[:common]
        return fresh

    def close(self, sequence: Sequence) -> None:
        """Nobody adds to it any more; it is kept as long as there is room."""
        sequence.active, sequence.used = False, next(self._clock)
        if not sequence.tokens:
            self.drop(sequence)
        elif sum(not other.active for other in self._all.values()) > IDLE_SEQUENCES:
            self.evict()

    def take(self, sequence: Sequence) -> bool:
        """Make an idle sequence active again; whether it is still there, and idle."""
        if sequence.active or self._all.get(sequence.id) is not sequence:
            return False
        sequence.active = True
        return True

    def cut(self, sequence: Sequence, count: int) -> None:
        """Keep the first ``count`` tokens of it, or none where the cache cannot be cut."""
        if count < len(sequence.tokens):
            kept = count if self._context.cut(sequence.id, count) else 0
            del sequence.tokens[kept:]

    def drop(self, sequence: Sequence) -> None:
        """Forget it."""
        self._context.cut(sequence.id, 0)
        del self._all[sequence.id]

    def evict(self) -> bool:
        """Make room: the idle sequence that was used longest ago goes; whether there was one."""
        idle = [sequence for sequence in self._all.values() if not sequence.active]
        if not idle:
            return False
        oldest = min(idle, key=lambda sequence: sequence.used)
        self._save(oldest)
        self.drop(oldest)
        return True

    def evict_all(self) -> None:
        """Evict every idle sequence."""
        while self.evict():
            pass

    def common(self, prompt: Tokens[int]) -> int:
        """How many tokens of the prompt's beginning the cache has."""
        return self._closest(prompt, len(prompt))[1]

    def _closest(
        self, prompt: Tokens[int], most: int, but: Sequence | None = None
    ) -> tuple[Sequence | None, int]:
        """The sequence that shares most with the prompt, idle ones first, and how many tokens."""
        best, longest = None, 0
        for sequence in sorted(self._all.values(), key=lambda sequence: sequence.active):
            if sequence is not but:
                common = common_length(sequence.tokens, prompt, most)
                if common > longest:
                    best, longest = sequence, common
        return best, longest

    def _save(self, sequence: Sequence) -> None:
        """Keep its state, if it has enough that nothing else in the cache has."""
        if self._states is None or sequence.private:
            return
        tokens = sequence.tokens
        _, common = self._closest(tokens, len(tokens), but=sequence)
        if len(tokens) - common >= _WORTH_SAVING:
            state = self._context.save(sequence.id)
            if state:
                self._states.put(tokens, state)

    def _load(self, state: bytes | bytearray | memoryview, kept: Tokens[int]) -> Sequence | None:
        """A sequence with the beginning of a stored state, if room can be made for all of it."""
        fresh = self._new()
        while not self._context.load(fresh.id, state):
            self._context.cut(fresh.id, 0)
            if not self.evict():
                self.drop(fresh)
                return None
        if self._context.cut(fresh.id, len(kept)):
            fresh.tokens = list(kept)
        return fresh

    def _new(self) -> Sequence:
        # There is one: as many are active as run at once, and `close` lets no more be idle.
        free = next(id_ for id_ in range(self._context.sequences) if id_ not in self._all)
        fresh = self._all[free] = Sequence(free)
        return fresh


def common_length(a: Tokens[int], b: Tokens[int], most: int) -> int:
    """How many tokens two lists begin with alike, at most ``most``; by halves, in C."""
    low, high = 0, min(len(a), len(b), most)
    if a[:high] == b[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
