"""Log probabilities of generated tokens."""

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.reasoning.events import Reclassified, TokenLogprob, ToolCall, ToolCallPart
from localqwq.reasoning.parser import Piece


class Logprobs:
    """Record the log probabilities of each token and attach them to its event.

    They are the model's own, before penalties, temperature and so on. Computing them scans the
    vocabulary, so it is done only for requests that ask for them.
    """

    def __init__(self, model: Model, top: int) -> None:
        """Set up; ``top``: number of the most probable tokens reported with each."""
        self._model = model
        self._top = min(top, model.size)
        self._waiting: deque[TokenLogprob | None] = deque()

    def take(self, handle: Any, index: int, token: int) -> None:
        """Record the token just sampled from the logits at a position of the last batch."""
        self._waiting.append(self.describe(handle, index, token))

    def describe(self, handle: Any, index: int, token: int) -> TokenLogprob:
        """Return a token's log probability by the logits at a position of the last batch."""
        pointer: Any = binding().llama_get_logits_ith(handle, index)
        logits = np.ctypeslib.as_array(pointer, (self._model.size,)).astype(np.float64)
        highest = logits.max()
        logits -= highest + np.log(np.exp(logits - highest).sum())
        top = tuple(self._describe(int(other), logits) for other in self._most(logits))
        return replace(self._describe(token, logits), top=top)

    def skip(self) -> None:
        """Record a token that was not sampled."""
        self._waiting.append(None)

    def attach(self, piece: Piece) -> Piece:
        """Return the event with the log probabilities of its tokens."""
        if isinstance(piece, ToolCall | Reclassified) or piece.tokens == 0:
            return piece
        taken = [self._waiting.popleft() for _ in range(piece.tokens)]
        if isinstance(piece, ToolCallPart):  # the API has no field for those of a tool call
            return piece
        return replace(piece, logprobs=tuple(entry for entry in taken if entry is not None))

    def _most(self, logprobs: NDArray[np.float64]) -> NDArray[np.intp]:
        if self._top == 0:
            return np.empty(0, np.intp)
        most = np.argpartition(logprobs, -self._top)[-self._top :]
        return most[np.argsort(-logprobs[most], kind="stable")]

    def _describe(self, token: int, logprobs: NDArray[np.float64]) -> TokenLogprob:
        piece = self._model.piece(token, special=True)
        return TokenLogprob(piece.decode("utf-8", "replace"), piece, float(logprobs[token]))
