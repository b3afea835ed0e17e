"""Which sequence of the KV cache has which tokens, so that common prefixes are processed once."""

from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from localqwq.engine.llama.context import Context
from localqwq.engine.states.pieces import Blob, Piece
from localqwq.engine.states.store import Save, StateStore
from localqwq.planning.memory import IDLE_SEQUENCES
from localqwq.reasoning.beginnings import common_length

_WORTH_LOADING = 16
"""Tokens that a stored state must have beyond what the cache has."""
_WORTH_SAVING = 64
"""Tokens that are in no other sequence; a state is moved in a small part of the time of reading."""


@dataclass(slots=True, eq=False)
class Sequence:
    """One sequence in the KV cache."""

    id: int
    tokens: list[int] = field(default_factory=list)
    """Its tokens in the cache."""
    active: bool = True
    """Whether somebody is adding to it."""
    used: int = 0
    """When it became idle, as a counter."""
    private: bool = False
    """Whether it must not be stored on eviction."""


class Sequences:
    """The sequences of one context, active and idle.

    Idle ones are kept for prompts with the same beginning. A prompt that diverges in the middle
    shares the beginning and leaves the rest. Where attention looks at all cells, idle ones move to
    RAM (see :attr:`Context.crowds`); elsewhere they cost nothing until room is needed.
    """

    def __init__(self, context: Context, states: StateStore | None) -> None:
        """Set up; ``states`` receives evicted sequences."""
        self._context = context
        self._states = states
        self._all: dict[int, Sequence] = {}
        self._clock = count(1)

    def open(self, prompt: Tokens[int], *, reuse: bool = True, private: bool = False) -> Sequence:
        """Return a sequence for the prompt that reuses as much as possible.

        At least the prompt's last token is left to be processed, since its logits are needed.
        Without ``reuse`` nothing is reused. A ``private`` sequence is never stored.
        """
        sequence = self._open(prompt, reuse=reuse)
        sequence.private = private
        return sequence

    def _open(self, prompt: Tokens[int], *, reuse: bool) -> Sequence:
        most = len(prompt) - 1
        best, common = self._closest(prompt, most) if reuse else (None, 0)
        if self._clear(prompt, best) and best is not None and _continues(best, common):
            self._move_down(best)
            best, common = self._closest(prompt, most)
        sequence = self._begin(best, common)
        if self._states is not None and reuse:
            self._extend(sequence, prompt[:most], self._states)
        return sequence

    def _begin(self, best: Sequence | None, common: int) -> Sequence:
        """Return a sequence with the first ``common`` tokens of ``best``: itself, or a new one."""
        if best is not None and _continues(best, common):
            best.active = True
            self.cut(best, common)
            return best
        fresh = self._new(best)
        if best is not None and common:
            self._context.copy(best.id, fresh.id, common)
            fresh.tokens = best.tokens[:common]
            self._set_aside(best, len(best.tokens) - common)
        return fresh

    def close(self, sequence: Sequence) -> None:
        """Make a sequence idle; it is kept as long as there is room."""
        sequence.active, sequence.used = False, next(self._clock)
        if not sequence.tokens:
            self.drop(sequence)
        elif sum(not other.active for other in self._all.values()) > IDLE_SEQUENCES:
            self.evict()

    def take(self, sequence: Sequence) -> bool:
        """Make an idle sequence active again; return whether it still existed and was idle."""
        if sequence.active or self._all.get(sequence.id) is not sequence:
            return False
        sequence.active = True
        return True

    def cut(self, sequence: Sequence, count: int) -> None:
        """Keep the first ``count`` tokens of it, or none if the cache cannot be cut."""
        if count < len(sequence.tokens):
            kept = count if self._context.cut(sequence.id, count) else 0
            del sequence.tokens[kept:]

    def drop(self, sequence: Sequence) -> None:
        """Remove a sequence."""
        self._context.cut(sequence.id, 0)
        del self._all[sequence.id]

    def evict(self, but: Sequence | None = None) -> bool:
        """Evict the least recently used idle sequence ``but`` one; return whether there was any."""
        idle = [one for one in self._all.values() if not one.active and one is not but]
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

    def write_next(self) -> bool:
        """Start writing what is not on disk yet of an idle sequence, the last used one first.

        Return whether there was anything.
        """
        idle = [one for one in self._all.values() if not one.active and not one.private]
        idle.sort(key=lambda sequence: sequence.used, reverse=True)
        states = self._states
        return states is not None and any(
            states.write_next(one.tokens, self._saver(one), self._context.piece_tokens)
            for one in idle
        )

    def common(self, prompt: Tokens[int]) -> int:
        """Return how many tokens of the prompt's beginning the cache has."""
        return self._closest(prompt, len(prompt))[1]

    def _clear(self, prompt: Tokens[int], best: Sequence | None) -> bool:
        """Set idle sequences aside that the prompt does not continue; return whether any left."""
        idle = [one for one in self._all.values() if not one.active and one is not best]
        left = 0
        for one in idle:
            shared = common_length(one.tokens, prompt, len(prompt))
            left += self._set_aside(one, len(one.tokens) - shared)
        return left > 0

    def _set_aside(self, sequence: Sequence, own: int) -> bool:
        """Move an idle sequence from the cache to RAM, if its ``own`` tokens slow others down.

        Return whether it left. It stays where it would be lost.
        """
        states = self._states
        if not self._context.crowds or sequence.active or sequence.private or states is None:
            return False
        if own < _WORTH_SAVING or self._context.state_size(sequence.id) > states.ram_bytes:
            return False
        self._save(sequence)
        self.drop(sequence)
        return True

    def _move_down(self, sequence: Sequence) -> None:
        """Move an idle sequence into cells that others have left, since each token's attention
        covers all cells up to the last one in use.
        """
        state = self._context.save(sequence.id)
        if not state:
            return
        self._context.cut(sequence.id, 0)
        sequence.active = True  # what is evicted for it is another one
        while not self._context.load(sequence.id, state):
            if not self.evict():
                self.drop(sequence)
                return
        sequence.active = False

    def _closest(
        self, prompt: Tokens[int], most: int, but: Sequence | None = None
    ) -> tuple[Sequence | None, int]:
        """Return the sequence that shares most with the prompt, preferring idle ones, and how many
        tokens.
        """
        best, longest = None, 0
        for sequence in sorted(self._all.values(), key=lambda sequence: sequence.active):
            if sequence is not but:
                common = common_length(sequence.tokens, prompt, most)
                if common > longest:
                    best, longest = sequence, common
        return best, longest

    def _save(self, sequence: Sequence) -> None:
        """Store its state, if enough of it is nowhere else in the cache."""
        if self._states is None or sequence.private:
            return
        tokens = sequence.tokens
        _, common = self._closest(tokens, len(tokens), but=sequence)
        if len(tokens) - common >= _WORTH_SAVING:
            self._states.put(tokens, self._saver(sequence), self._context.piece_tokens)

    def _saver(self, sequence: Sequence) -> Save:
        return partial(self._context.save_piece, sequence.id, self._free())

    def _extend(self, sequence: Sequence, prompt: Tokens[int], states: StateStore) -> None:
        """Add what a stored state has of the prompt beyond the sequence's own tokens, as far as
        room can be made and the pieces are there.
        """
        have, stored = len(sequence.tokens), states.find(prompt)
        if stored is None or stored.common < have + _WORTH_LOADING:
            return
        for piece, end, blob in states.load(stored, have, stored.common):
            if not self._load_piece(sequence, blob, piece, end):
                return
            sequence.tokens.extend(prompt[len(sequence.tokens) : end])

    def _load_piece(self, sequence: Sequence, blob: Blob, piece: Piece, end: int) -> bool:
        """Add a piece up to a token to a sequence; return whether room could be made for it."""
        have = len(sequence.tokens)
        while have + piece.end - piece.start <= self._context.size:
            if self._context.load_piece(sequence.id, self._free(), blob, have, end):
                return True
            if not self.evict():
                break
        return False

    def _new(self, source: Sequence | None) -> Sequence:
        """Return a new sequence, and leave another id unused; ``source`` is not evicted for it."""
        if len(self._all) == self._context.sequences - 1:
            self.evict(but=source)
        id_ = self._free()
        fresh = self._all[id_] = Sequence(id_)
        return fresh

    def _free(self) -> int:
        """Return an unused id, through which parts of sequences are saved and loaded.

        There is one: at most as many are active as run at once, and `_new` limits idle ones.
        """
        return next(id_ for id_ in range(self._context.sequences) if id_ not in self._all)


def _continues(sequence: Sequence, common: int) -> bool:
    """Return whether a prompt that shares so many tokens can go on in this very sequence."""
    return not sequence.active and common >= len(sequence.tokens) - 1
