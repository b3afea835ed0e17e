"""Choosing the tokens of the next batch: those of all running requests, and of idle work."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from localqwq.engine.generation import Generation
from localqwq.engine.llama.context import CacheFull, Context, Interrupted, Part
from localqwq.engine.prefill_ahead import PrefillAhead
from localqwq.engine.prompt_pace import Pace
from localqwq.engine.request import ContextExceeded
from localqwq.engine.sequences import Sequence, Sequences
from localqwq.engine.states.store import StateStore
from localqwq.engine.write_behind import WriteBehind
from localqwq.errors import LocalqwqError
from localqwq.planning.memory import padded
from localqwq.reasoning.beginnings import common_length
from localqwq.reasoning.events import ContextChanged

_WORTH_WAITING = 64
"""Minimum tokens being processed by another request that are worth waiting for."""
_TOGETHER_S = 0.05
"""Seconds within which other requests count as arriving together with the first."""


@dataclass(slots=True, eq=False)
class _Run:
    """A generation with a sequence in the KV cache."""

    generation: Generation
    sequence: Sequence

    @property
    def pending(self) -> int:
        """The number of tokens that are not in the cache yet."""
        return len(self.generation.tokens) - len(self.sequence.tokens)


MakeContext = Callable[[int], Context]
"""Creates a context of this many tokens."""


class Scheduler:
    """Run up to ``parallel`` generations at once; called by one thread."""

    def __init__(
        self,
        make_context: MakeContext,
        grown: Callable[[int], int],
        size: int,
        states: StateStore | None,
        prefill_ahead: PrefillAhead,
    ) -> None:
        """Set up; ``make_context`` is called at once for ``size`` tokens, and on changes.

        ``grown`` returns the new size for a conversation of a given number of tokens.
        """
        self._make_context = make_context
        self._grown = grown
        self._states = states
        self.context = make_context(size)
        self._usual_size = self.context.size
        self.sequences = Sequences(self.context, states)
        self.waiting: deque[Generation] = deque()
        self.running: list[_Run] = []
        self._prefill_ahead = prefill_ahead
        self._write_behind = WriteBehind(states)
        self.pace = Pace()
        self._crowded = False
        self._isolated: set[Generation] = set()
        self._decoding: tuple[Generation, ...] = ()
        self._idle_work = False
        self._requested = False
        self._together_until = 0.0

    def submit(self, generation: Generation) -> None:
        """Queue a generation until there is room for it."""
        if not self.running and not self.waiting:
            self._together_until = perf_counter() + _TOGETHER_S
        self.waiting.append(generation)
        self._requested = False

    def step(self) -> bool:
        """Decode one batch; return False if there is nothing to do until the next request."""
        self._end_stopped()
        self._admit()
        if self.running:
            self._decode(self._parts())
            self._write_behind.postpone()
        elif self._prefill_ahead.any and not self.waiting:
            self._work_idly()
        else:
            if not self.waiting and not self._requested:
                self._write_behind.step(self.sequences)
            return bool(self.waiting)
        return True

    @property
    def pause(self) -> float | None:
        """Seconds until there is something to do without a request; ``None`` if nothing is."""
        return None if self.running or self.waiting else self._write_behind.pause

    def interrupt(self, generation: Generation | None = None) -> None:
        """Abort the current batch if it is idle work, because a request has arrived.

        Or, given a stopped generation, if nobody needs any of the batch now. Thread-safe.
        """
        if generation is None:
            self._requested = True
            if self._idle_work:
                self.context.abort.set()
        elif self._unwanted():
            self.context.abort.set()

    @property
    def gathering(self) -> float:
        """Seconds for which the first prompts should wait for requests that are announced."""
        return max(0.0, self._together_until - perf_counter())

    def announce(self) -> None:
        """Abort the current batch if it has just begun to read the first prompts, because that of a
        request that is being prepared can be read with them. Thread-safe.
        """
        if self._decoding and self.gathering:
            self.context.abort.set()

    def withdraw(self) -> None:
        """Resume idle work: no request is about to arrive."""
        self._requested = False

    def remove(self, generation: Generation) -> None:
        """Remove a generation that is no longer wanted."""
        if generation in self.waiting:
            self.waiting.remove(generation)
        for run in [run for run in self.running if run.generation is generation]:
            self._release(run)
        if not generation.done:
            generation.finish()

    def close(self) -> None:
        """Save worthwhile states and free the context."""
        closed = LocalqwqError("The model was closed.")
        for run in list(self.running):
            self._release(run)
            run.generation.fail(closed)
        for generation in self.waiting:
            generation.fail(closed)  # its samplers are freed here, not when it is collected
        self.waiting.clear()
        self._write_behind.finish(self.sequences)
        self.context.close()

    def _work_idly(self) -> None:
        self._idle_work = True
        self.context.abort.clear()
        # Checked after the flag was cleared: later arrivals set it again.
        if not self._requested:
            self._prefill_ahead.step(self.context, self.sequences)
        self._idle_work = False

    def _unwanted(self) -> bool:
        """Return whether every generation in the current batch was stopped."""
        decoding = self._decoding
        return bool(decoding) and all(generation.stop.is_set() for generation in decoding)

    def _end_stopped(self) -> None:
        for run in list(self.running):
            if run.generation.stop.is_set():
                run.generation.finish()
                self._release(run)
                self._prefill_ahead.after(run.generation, run.sequence)
        for generation in [waiter for waiter in self.waiting if waiter.stop.is_set()]:
            self.waiting.remove(generation)
            generation.finish()

    def _admit(self) -> None:
        """Admit waiting generations, in order."""
        while self.waiting and len(self.running) < self.context.parallel:
            generation = self.waiting[0]
            if self.running and (self._crowded or self._isolated):
                return
            size = self._size_for(generation)
            if size != self.context.size:
                if self.running:
                    return  # they finish first, because the context is recreated for all
                self._resize(size, generation)
                if generation.done:
                    continue
            if self._is_being_read(generation):
                return
            self.waiting.popleft()
            request = generation.prepared.request
            reuse = request.cache_prompt and not generation.scores_prompt
            private = not request.cache_on_disk
            sequence = self.sequences.open(generation.tokens, reuse=reuse, private=private)
            self.running.append(_Run(generation, sequence))
            generation.begin(len(sequence.tokens))

    def _is_being_read(self, generation: Generation) -> bool:
        """Return whether another request is processing a long common beginning, to be shared
        soon.
        """
        request = generation.prepared.request
        if not request.cache_prompt or generation.scores_prompt:
            return False
        tokens = generation.tokens
        shared = max(
            (
                common_length(run.generation.tokens, tokens, len(tokens))
                for run in self.running
                if run.pending > 1
            ),
            default=0,
        )
        return shared >= _WORTH_WAITING and shared - self.sequences.common(tokens) >= _WORTH_WAITING

    def _size_for(self, generation: Generation) -> int:
        """Return the context size in tokens for a generation."""
        tokens = generation.tokens
        if len(tokens) > self.context.size:
            return padded(self._grown(len(tokens)))
        if self.context.size > self._usual_size > len(tokens) and not generation.generated:
            # A new conversation need not keep the scaling that another one needed.
            is_new = self.sequences.common(tokens) < len(tokens) // 2
            return self._usual_size if is_new else self.context.size
        return self.context.size

    def _resize(self, size: int, generation: Generation) -> None:
        """Recreate the context for a generation, or as it was if memory is short."""
        before = self.context.size
        self.sequences.evict_all()
        self.context.close()
        try:
            self.context = self._make_context(size)
        except LocalqwqError:
            self.context = self._make_context(before)
            generation.longest = before
            if len(generation.tokens) > before:
                self.waiting.remove(generation)
                if generation.generated:
                    generation.finish("length")
                else:
                    generation.fail(ContextExceeded(len(generation.tokens) + 1, before))
        else:
            generation.tell(ContextChanged(self.context.size, self.context.rope.factor))
        self.sequences = Sequences(self.context, self._states)

    def _parts(self) -> list[tuple[_Run, Part]]:
        """Return the next batch: a token of each answer, and a piece of each prompt."""
        parts = [(run, self._part(run, 1, 1)) for run in self.running if run.pending == 1]
        readers = [run for run in self.running if run.pending > 1]
        context = self.context
        room = min(context.batch - len(parts), max(1, context.room - len(parts)))
        outputs = context.sequences - len(self.running) + 1
        piece = whole = room
        if parts and readers:
            piece = min(room, self.pace.piece(len(parts)))
            whole = min(room, self.pace.whole(len(parts)))
        for run in readers:
            left = whole if run.pending <= whole else piece
            if left > 0:
                wanted = outputs if run.generation.scores_prompt else left
                count = min(run.pending, left, wanted)
                ends = count == run.pending
                scored = count if run.generation.scores_prompt else int(ends)
                parts.append((run, self._part(run, count, scored)))
                piece, whole = piece - count, whole - count
                outputs -= scored - 1 if scored else 0
        return parts

    def _part(self, run: _Run, count: int, outputs: int) -> Part:
        at = len(run.sequence.tokens)
        return Part(run.sequence.id, at, run.generation.tokens[at : at + count], outputs)

    def _decode(self, batch: list[tuple[_Run, Part]]) -> None:
        """Decode a batch; if it fails, find the request at fault."""
        context = self.context
        began = perf_counter()
        self._decoding = tuple(run.generation for run, _ in batch)
        context.abort.clear()
        if sum(len(part.tokens) for _, part in batch) >= context.room:
            self._together_until = 0.0  # nothing more can be read with them
        try:
            if self._unwanted():
                return
            last = context.decode([part for _, part in batch])
        except CacheFull:
            self._preempt()
            return
        except Interrupted:
            return
        except LocalqwqError as error:
            self._isolate(batch, error)
            return
        finally:
            self._decoding = ()
        self._together_until = 0.0
        answering = sum(run.pending == 1 for run, _ in batch)
        reading = sum(len(part.tokens) for _, part in batch) - answering
        if answering or not context.overlaps:
            self.pace.measure(answering, reading, perf_counter() - began)
        for (run, part), index in zip(batch, last, strict=True):
            self._take(run, part, index)

    def _take(self, run: _Run, part: Part, index: int) -> None:
        """Process a generation's decoded part, whose last token is at this position of the
        batch.
        """
        generation, sequence = run.generation, run.sequence
        self._isolated.discard(generation)
        sequence.tokens.extend(part.tokens)
        try:
            if generation.scores_prompt:
                first = index - len(part.tokens) + 1
                for place in range(first, index + 1):
                    if generation.scores_prompt:
                        generation.score(self.context.handle, place)
            if not generation.generated:
                generation.read(len(sequence.tokens))
            if part.outputs and not run.pending:
                generation.advance(self.context.handle, index)
        except LocalqwqError as error:
            generation.fail(error)
        if generation.done:
            self._release(run)
            self._prefill_ahead.after(generation, sequence)
        elif len(generation.tokens) > self.context.size:
            # It continues in a larger context, as soon as nobody else needs this one.
            self._release(run)
            self.waiting.appendleft(generation)

    def _release(self, run: _Run) -> None:
        self.running.remove(run)
        if run.generation.prepared.request.cache_prompt:
            self.sequences.close(run.sequence)
        else:
            self.sequences.drop(run.sequence)
        self._isolated.discard(run.generation)
        self._crowded = False

    def _preempt(self) -> None:
        """Free KV cache: evict idle sequences first, then let the youngest request wait."""
        if self.sequences.evict():
            return
        *others, youngest = self.running
        self.running = others
        self.sequences.drop(youngest.sequence)
        if others:
            self._crowded = True  # it returns when one of the others has ended
            self.waiting.appendleft(youngest.generation)
        else:
            youngest.generation.finish("length")

    def _isolate(self, batch: list[tuple[_Run, Part]], error: LocalqwqError) -> None:
        """After a failed batch, run its requests one at a time, so that only the faulty one
        fails.
        """
        runs = [run for run, _ in batch]
        for run in runs:
            self.sequences.drop(run.sequence)
            self.running.remove(run)
        if len(runs) == 1:
            runs[0].generation.fail(error)
            return
        self._isolated.update(run.generation for run in runs)
        for run in reversed(runs):
            self.waiting.appendleft(run.generation)
