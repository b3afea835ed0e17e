"""The KV cache of one sequence, and the tokens that are in it."""

import ctypes
from collections.abc import Sequence
from typing import Any

from localqwq.engine.library import binding, clear_errors, last_error
from localqwq.engine.model import Model
from localqwq.engine.rope import rope_scaling
from localqwq.errors import LocalqwqError
from localqwq.planning.memory import padded

_SEQUENCE = 0


class Context:
    """A context over a model. ``tokens`` always says what the KV cache holds."""

    def __init__(self, model: Model, *, size: int, threads: int, batch: int) -> None:
        """``size`` in tokens, rounded up to 256; ``batch``: most tokens of one decode."""
        self._llama = llama = binding()
        rope = rope_scaling(model.facts, size)
        params = llama.llama_context_default_params()
        params.n_ctx = padded(size)
        params.n_batch = params.n_ubatch = min(batch, params.n_ctx)
        params.n_seq_max = 1
        params.n_outputs_max = 1  # logits of the last token only: a smaller compute buffer
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_AUTO
        if rope.kind == "none":
            params.rope_scaling_type = llama.LLAMA_ROPE_SCALING_TYPE_NONE
        elif rope.kind == "yarn":
            params.rope_scaling_type = llama.LLAMA_ROPE_SCALING_TYPE_YARN
            params.rope_freq_scale = 1 / rope.factor
            params.yarn_orig_ctx = rope.original_context
        clear_errors()
        self.handle: Any = llama.llama_init_from_model(model.handle, params)
        if not self.handle:
            reason = last_error() or "most likely memory is short"
            raise LocalqwqError(
                f"llama.cpp cannot make a context of {size} tokens for {model.facts.name} "
                f"({reason}); choose a shorter context or a smaller quantization."
            )
        clear_errors()  # what a successful load complained about explains no later failure
        self.size = int(llama.llama_n_ctx(self.handle))
        self.batch = int(llama.llama_n_ubatch(self.handle))
        self.tokens: list[int] = []
        self._memory: Any = llama.llama_get_memory(self.handle)
        self._input: Any = (ctypes.c_int32 * self.batch)()
        self._one = llama.llama_batch_get_one(self._input, 1)  # its token is `_input[0]`

    def keep_common(self, prompt: Sequence[int]) -> int:
        """Drop all but the tokens that the prompt begins with; returns how many stay.

        At least the prompt's last token does not, since its logits must be computed.
        """
        self._match_cache()
        common = 0
        for ours, theirs in zip(self.tokens, prompt, strict=False):
            if ours != theirs:
                break
            common += 1
        self._truncate(max(0, min(common, len(prompt) - 1)))
        return len(self.tokens)

    def append(self, tokens: Sequence[int]) -> None:
        """Decode the next tokens, at most ``batch`` of them; the last one's logits remain."""
        count = len(tokens)
        self._input[:count] = tokens
        batch = self._llama.llama_batch_get_one(self._input, count)
        self._check(self._llama.llama_decode(self.handle, batch))
        self.tokens.extend(tokens)

    def append_one(self, token: int) -> None:
        """Decode one more token: :meth:`append` for the innermost loop."""
        self._input[0] = token
        if code := self._llama.llama_decode(self.handle, self._one):
            self._check(code)
        self.tokens.append(token)

    def close(self) -> None:
        """Free the KV cache."""
        if self.handle:
            self._llama.llama_free(self.handle)
            self.handle = None

    def _check(self, code: int) -> None:
        """Raise for any return code of ``llama_decode`` but 0, with the cache as before."""
        if code == 0:
            return
        self._match_cache()
        if code == 1:
            raise LocalqwqError(
                f"The KV cache of {self.size} tokens has no room left; start a new conversation "
                "or choose a longer context."
            )
        self._truncate(0)  # what a failed decode leaves behind is not to be trusted
        raise LocalqwqError(
            f"llama.cpp failed to decode (code {code}{_in_brackets(last_error())}); "
            "try again, or offload fewer layers if memory is short."
        )

    def _match_cache(self) -> None:
        """Make ``tokens`` and the cache agree again after an interrupted decode."""
        last = int(self._llama.llama_memory_seq_pos_max(self._memory, _SEQUENCE))
        if last + 1 != len(self.tokens):
            self._truncate(min(last + 1, len(self.tokens)))

    def _truncate(self, count: int) -> None:
        """Keep the first ``count`` tokens."""
        if not self._llama.llama_memory_seq_rm(self._memory, _SEQUENCE, count, -1):
            # Some caches cannot be cut in the middle: begin anew.
            self._llama.llama_memory_clear(self._memory, True)
            count = 0
        del self.tokens[count:]


def _in_brackets(text: str) -> str:
    return f": {text}" if text else ""
