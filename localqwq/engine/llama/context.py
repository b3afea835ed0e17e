"""llama.cpp's context: one KV cache for many sequences, and its batches."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

from localqwq.engine.batch_limit import SMALLEST, SMALLEST_WITH_HOST, BatchLimit
from localqwq.engine.llama.abort import AbortFlag
from localqwq.engine.llama.library import binding, clear_errors, last_error
from localqwq.engine.llama.model import Model
from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError
from localqwq.planning.attention import batch_size, uses_flash
from localqwq.planning.memory import IDLE_SEQUENCES, padded

KvType = Literal["f16", "q8_0", "q4_0"]
GGML_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}  # enum ggml_type
_PIECE_BYTES = 16 << 20
"""About the most that one :meth:`Context.save_piece` should take, so that it ends soon."""


def flash_type(kv_type: KvType, *, flash: bool) -> int:
    """Return the ``enum llama_flash_attn_type`` value for a context."""
    llama = binding()
    if not flash:
        return int(llama.LLAMA_FLASH_ATTN_TYPE_DISABLED)
    if kv_type == "f16":  # not every device supports it
        return int(llama.LLAMA_FLASH_ATTN_TYPE_AUTO)
    return int(llama.LLAMA_FLASH_ATTN_TYPE_ENABLED)


def scale_rope(params: Any, rope: RopeScaling) -> None:
    """Set how positions are scaled in ``llama_context_params``."""
    llama = binding()
    if rope.kind == "none":
        params.rope_scaling_type = llama.LLAMA_ROPE_SCALING_TYPE_NONE
    elif rope.kind == "yarn":
        params.rope_scaling_type = llama.LLAMA_ROPE_SCALING_TYPE_YARN
        params.rope_freq_scale = 1 / rope.factor
        params.yarn_orig_ctx = rope.original_context


def decode_error(code: int) -> LocalqwqError:
    """Return the error that a failed ``llama_decode`` means."""
    reason = last_error()
    return LocalqwqError(
        f"llama.cpp failed to decode (code {code}{f': {reason}' if reason else ''}); "
        "try again, or offload fewer layers if memory is short."
    )


class CacheFull(Exception):
    """The KV cache has no room for a batch; nothing of it was decoded."""


class Interrupted(Exception):
    """A batch was aborted; nothing of it remains."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive tokens of one sequence in a batch."""

    sequence: int
    position: int
    """The position of the first token in its sequence."""
    tokens: Sequence[int]
    outputs: int
    """Number of last tokens whose logits are needed."""


class Context:
    """A KV cache of ``size`` tokens shared by all sequences (``kv_unified``)."""

    def __init__(
        self,
        model: Model,
        *,
        size: int,
        rope: RopeScaling,
        threads: int,
        batch: int | None = None,
        parallel: int = 1,
        kv_type: KvType = "f16",
        flash: bool | None = None,
        outputs: int | None = None,
    ) -> None:
        """Create a context.

        ``size`` in tokens, rounded up to 256; ``batch``: maximum tokens of one decode, ``None`` for
        what suits the kind of attention; ``parallel``: maximum sequences of one decode; ``flash``:
        whether to use flash attention, ``None`` for what is usual; ``outputs``: maximum outputs of
        one decode, ``None`` for one of each sequence. Raises :class:`LocalqwqError` if memory is
        short.
        """
        self._llama = llama = binding()
        self._model = model
        params = llama.llama_context_default_params()
        params.n_ctx = padded(size)
        self.flash = uses_flash(kv_type, model.gpu_layers) if flash is None else flash
        params.n_batch = params.n_ubatch = min(
            batch or batch_size(self.flash, params.n_ctx), params.n_ctx
        )
        params.kv_unified = True
        # A smaller compute buffer than for the logits of every token.
        params.n_seq_max = params.n_outputs_max = parallel + IDLE_SEQUENCES
        if outputs is not None:
            params.n_outputs_max = params.n_outputs_max_per_seq = outputs
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = flash_type(kv_type, flash=self.flash)
        params.type_k = params.type_v = GGML_TYPES[kv_type]
        scale_rope(params, rope)
        clear_errors()
        self.handle: Any = llama.llama_init_from_model(model.handle, params)
        if not self.handle:
            reason = last_error() or "most likely memory is short"
            raise LocalqwqError(
                f"llama.cpp cannot create a context of {size} tokens for {model.facts.name} "
                f"({reason}); choose a shorter context or a smaller quantization."
            )
        clear_errors()  # warnings of a successful load explain no later failure
        self.size = int(llama.llama_n_ctx(self.handle))
        self.batch = int(llama.llama_n_ubatch(self.handle))
        self.parallel = parallel
        self.sequences = parallel + IDLE_SEQUENCES
        self.piece_tokens = max(1, _PIECE_BYTES // model.facts.kv_bytes_per_token(kv_type))
        """Tokens of a sequence that are best saved or loaded at a time."""
        self.rope = rope
        self.abort = AbortFlag()
        self.overlaps = model.is_whole_on_devices and len(model.devices) > 1
        """Whether several batches may be in flight, each on another device."""
        self._limit = None if self.overlaps else _limit(model, self.batch)
        llama.llama_set_abort_callback(self.handle, self.abort.callback, self.abort.data)
        self._memory: Any = llama.llama_get_memory(self.handle)
        self._make_batch()

    @property
    def crowds(self) -> bool:
        """Whether tokens of other sequences slow an answer down: on the processor even flash
        attention looks at each.
        """
        return not (self.flash and self._model.is_whole_on_devices)

    @property
    def room(self) -> int:
        """The maximum tokens of the next batch, so that it can be given up in time."""
        return self.batch if self._limit is None else self._limit.tokens()

    def decode(self, parts: Sequence[Part]) -> list[int]:
        """Decode one batch and return the index of each part's last token, for the sampler.

        It has been computed when this returns, except where batches overlap and no logits of this
        one are needed: waiting for each would leave all devices but one idle.

        At most ``batch`` tokens and ``sequences`` outputs in total. Raises :class:`CacheFull`,
        :class:`Interrupted`, or :class:`LocalqwqError` if llama.cpp fails; after the last, the
        cached content of the parts' sequences is undefined.
        """
        at = 0
        last: list[int] = []
        for part in parts:
            count = len(part.tokens)
            end = at + count
            if count == 1:
                self._tokens[at] = part.tokens[0]
                self._positions[at] = part.position
                self._sequences[at] = part.sequence
                self._wanted[at] = part.outputs
            else:
                self._tokens[at:end] = list(part.tokens)
                self._positions[at:end] = list(range(part.position, part.position + count))
                self._sequences[at:end] = [part.sequence] * count
                silent = count - part.outputs
                self._wanted[at:end] = [*[0] * silent, *[1] * part.outputs]
            at = end
            last.append(end - 1)
        self._batch.n_tokens = at
        began = perf_counter()
        code = self._llama.llama_decode(self.handle, self._batch)
        if code:
            self._raise(code)
        waits_for_logits = any(part.outputs for part in parts)
        if self.overlaps and not waits_for_logits:
            return last
        # Devices are still computing; what follows must be timed or stoppable.
        self._llama.llama_synchronize(self.handle)
        if not waits_for_logits:
            self._model.wait_for_servers()
        if self._limit is not None:
            self._limit.measure(at, perf_counter() - began)
        return last

    def pool(self, *, on: bool) -> None:
        """Have embeddings made by the following batches, in which then every token is an output."""
        self._llama.llama_set_embeddings(self.handle, on)

    def pooled(self, sequence: int) -> Sequence[float]:
        """Return the embedding of a sequence in the last batch, as the model pools its tokens."""
        length = int(self._llama.llama_model_n_embd_out(self._model.handle))
        pointer: Any = self._llama.llama_get_embeddings_seq(self.handle, sequence)
        assert pointer, "the model pools, and the sequence was in the batch"
        return list(pointer[:length])

    def cut(self, sequence: int, count: int) -> bool:
        """Keep a sequence's first ``count`` tokens; return False if all of it had to be removed."""
        if self._llama.llama_memory_seq_rm(self._memory, sequence, count, -1):
            return True
        # Some caches cannot be cut in the middle.
        self._llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return count == 0

    def copy(self, source: int, target: int, count: int) -> None:
        """Let an empty sequence share the first ``count`` tokens of another, without using
        memory.
        """
        self._llama.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def save_piece(self, sequence: int, scratch: int, start: int, end: int) -> memoryview:
        """Return the state of a sequence's tokens from ``start`` to ``end`` for
        :meth:`load_piece`; empty if that failed. ``scratch`` is an empty sequence.
        """
        # llama.cpp saves whole sequences only.
        self._llama.llama_memory_seq_cp(self._memory, sequence, scratch, start, end)
        try:
            return self.save(scratch)
        finally:
            self.cut(scratch, 0)

    def save(self, sequence: int) -> memoryview:
        """Return the state of a sequence for :meth:`load`, about as large as its part of the
        cache.
        """
        size = self.state_size(sequence)
        buffer = (ctypes.c_uint8 * size)()
        written = self._llama.llama_state_seq_get_data(self.handle, buffer, size, sequence)
        return memoryview(buffer).cast("B")[:written]

    def state_size(self, sequence: int) -> int:
        """Return the bytes that :meth:`save` would need."""
        return int(self._llama.llama_state_seq_get_size(self.handle, sequence))

    def load(self, sequence: int, state: bytes | bytearray | memoryview) -> bool:
        """Load a saved state into an empty sequence; return False if there is no room for it."""
        size = len(state)
        kind = ctypes.c_uint8 * size
        # A copy would need as much memory again.
        writable = not isinstance(state, bytes) and not memoryview(state).readonly
        buffer = kind.from_buffer(state) if writable else kind.from_buffer_copy(state)
        return bool(self._llama.llama_state_seq_set_data(self.handle, buffer, size, sequence))

    def load_piece(
        self,
        sequence: int,
        scratch: int,
        state: bytes | bytearray | memoryview,
        start: int,
        end: int,
    ) -> bool:
        """Add a saved piece's tokens from ``start`` to ``end`` to a sequence that has those before;
        return False if there is no room for the whole piece. ``scratch`` is an empty sequence.
        """
        # Loading into the sequence itself would clear it first.
        loaded = self.load(scratch, state)
        if loaded:
            self._llama.llama_memory_seq_cp(self._memory, scratch, sequence, start, end)
        self.cut(scratch, 0)
        return loaded

    def close(self) -> None:
        """Free the KV cache."""
        if self.handle:
            self._llama.llama_free(self.handle)
            self.handle = None

    def _make_batch(self) -> None:
        """Create the arrays that every batch is written into."""
        room = self.batch
        self._tokens = (ctypes.c_int32 * room)()
        self._positions = (ctypes.c_int32 * room)()
        self._sequences = (ctypes.c_int32 * room)()
        self._wanted = (ctypes.c_int8 * room)()
        self._counts = (ctypes.c_int32 * room)(*([1] * room))
        pointer, step = ctypes.POINTER(ctypes.c_int32), ctypes.sizeof(ctypes.c_int32)
        first = ctypes.addressof(self._sequences)
        self._pointers = (pointer * room)(
            *(ctypes.cast(first + index * step, pointer) for index in range(room))
        )
        self._batch = self._llama.llama_batch(
            n_tokens=0,
            token=self._tokens,
            embd=None,
            pos=self._positions,
            n_seq_id=self._counts,
            seq_id=self._pointers,
            logits=self._wanted,
        )

    def _raise(self, code: int) -> None:
        """Raise the error that a return code of ``llama_decode`` means."""
        if code == 1:
            raise CacheFull
        if code == 2:
            raise Interrupted
        raise decode_error(code)


def _limit(model: Model, batch: int) -> BatchLimit | None:
    """Return the batch limit; ``None`` if the abort flag can end a batch half-way."""
    if model.heeds_abort:
        return None
    return BatchLimit(batch, SMALLEST if model.is_whole_on_devices else SMALLEST_WITH_HOST)
