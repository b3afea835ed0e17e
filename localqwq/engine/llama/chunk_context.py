"""A context that computes chunks of a text side by side, as llama.cpp's measuring tools do."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.llama.context import GGML_TYPES, KvType, decode_error, flash_type, scale_rope
from localqwq.engine.llama.library import binding, clear_errors, last_error
from localqwq.engine.llama.matrix_inputs import MatrixInputs
from localqwq.engine.llama.model import Model
from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError

_STEP = 512
"""Tokens that are computed at once; llama.cpp takes equally many of each chunk."""


class ChunkContext:
    """A KV cache for a few chunks, each of which is a sequence of its own."""

    def __init__(
        self,
        model: Model,
        *,
        length: int,
        parallel: int,
        outputs: int,
        rope: RopeScaling,
        threads: int,
        kv_type: KvType = "f16",
        flash: bool = True,
        inputs: MatrixInputs | None = None,
    ) -> None:
        """Create a context.

        ``length``: tokens of each chunk; ``parallel``: chunks computed side by side; ``outputs``:
        last tokens of each chunk whose logits are wanted; ``inputs``: observes the inputs of the
        weight matrices. Raises :class:`LocalqwqError` if memory is short.
        """
        self._llama = llama = binding()
        self._model, self._inputs = model, inputs
        self._length, self._outputs = length, outputs
        params = llama.llama_context_default_params()
        params.n_ctx = params.n_batch = length * parallel
        params.n_ubatch = min(_STEP, params.n_batch)
        params.n_seq_max = parallel
        params.n_outputs_max = max(outputs, 1) * parallel
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = flash_type(kv_type, flash=flash)
        params.type_k = params.type_v = GGML_TYPES[kv_type]
        scale_rope(params, rope)
        if inputs is not None:
            params.cb_eval = inputs.callback
        clear_errors()
        self._handle: Any = llama.llama_init_from_model(model.handle, params)
        if not self._handle:
            reason = last_error() or "most likely memory is short"
            raise LocalqwqError(
                f"llama.cpp cannot create a context to measure {model.facts.name} ({reason}); "
                "close other programs, or choose a smaller quantization."
            )
        self._memory: Any = llama.llama_get_memory(self._handle)
        self._batch: Any = llama.llama_batch_init(length * parallel, 0, 1)

    def decode(self, chunks: Sequence[Sequence[int]]) -> None:
        """Compute some chunks from their start.

        Raises:
            LocalqwqError: llama.cpp failed, or what observes did.
        """
        self._llama.llama_memory_clear(self._memory, True)
        batch, length = self._batch, self._length
        for sequence, chunk in enumerate(chunks):
            for position, token in enumerate(chunk):
                at = sequence * length + position
                batch.token[at] = token
                batch.pos[at] = position
                batch.n_seq_id[at] = 1
                batch.seq_id[at][0] = sequence
                batch.logits[at] = position >= length - self._outputs
        batch.n_tokens = len(chunks) * length
        code = self._llama.llama_decode(self._handle, batch)
        if self._inputs is not None:
            self._inputs.raise_failure()
        if code:
            raise decode_error(code)
        self._llama.llama_synchronize(self._handle)

    def logits(self, chunk: int = 0) -> NDArray[np.float32]:
        """Return the logits of a chunk's outputs, (outputs, vocabulary); valid until the next
        decode.
        """
        first = (chunk + 1) * self._length - self._outputs
        pointer: Any = self._llama.llama_get_logits_ith(self._handle, first)
        pointer = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(pointer, (self._outputs, self._model.size))

    def close(self) -> None:
        """Free the KV cache."""
        if self._handle:
            self._llama.llama_batch_free(self._batch)
            self._llama.llama_free(self._handle)
            self._handle = None
