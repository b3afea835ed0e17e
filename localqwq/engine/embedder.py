"""Embeddings: texts in, vectors out, as the model pools them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.model import Model
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.loading import load_model
from localqwq.engine.request import RequestRefused
from localqwq.engine.rope import rope_scaling
from localqwq.errors import LocalqwqError
from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import fast_cores

_WHOLE = 512
"""Tokens of a text where all must be in one batch: llama.cpp computes the logits of each as well,
which takes a megabyte for a large vocabulary.
"""

Text = str | Sequence[int]
"""A text, or its tokens."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """What a text means to the model."""

    vector: bytes
    """32-bit floats, of length 1 together."""
    tokens: int
    """Number of tokens in the text."""


class Stopped(Exception):
    """Nobody wants the embeddings any more."""


class Embedder:
    """A model that makes embeddings. One thread at a time may use :meth:`embed` and
    :meth:`close`; the other methods are thread-safe.
    """

    def __init__(self, model: Model, options: LoadOptions) -> None:
        """Take over the model; most callers use :meth:`load` instead."""
        if model.facts.pooling is None:
            raise LocalqwqError(f"{model.facts.name} makes no embeddings.")
        self.facts = model.facts
        self.parallel = options.parallel
        self._model = model
        # The last of several tokens sees the others in the cache: only it has to be pooled.
        self._pools_last = model.facts.pooling == "last" and model.facts.causal
        size = options.context
        whole = min(size, options.batch or _WHOLE)
        self._context = Context(
            model,
            size=size,
            rope=rope_scaling(model.facts, size, options.rope),
            threads=options.threads or fast_cores(read_limits().cores),
            batch=options.batch if self._pools_last else whole,
            parallel=options.parallel,
            kv_type=options.kv_type,
            flash=options.flash,
            outputs=None if self._pools_last else whole,
        )

    @classmethod
    def load(
        cls,
        path: Path,
        options: LoadOptions,
        *,
        on_progress: Callable[[float], None] | None = None,
    ) -> Self:
        """Load a GGUF file; the arguments and errors are those of ``Engine.load``."""
        model = load_model(path, options, on_progress)
        try:
            return cls(model, options)
        except BaseException:
            model.close()
            raise

    @property
    def context(self) -> int:
        """The context in tokens, which texts share that are processed together."""
        return self._context.size

    @property
    def longest(self) -> int:
        """The maximum tokens of a text."""
        return self._context.size if self._pools_last else self._context.batch

    @property
    def vocabulary(self) -> int:
        """The number of tokens in the vocabulary."""
        return self._model.size

    def tokenize(self, text: str, *, begin: bool, special: bool) -> list[int]:
        """Return the tokens of a text; see :meth:`Model.tokenize`."""
        return self._model.tokenize(text, begin=begin, special=special)

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token, even one that is not shown."""
        return self._model.piece(token, special=True)

    def embed(
        self, texts: Sequence[Text], stop: threading.Event, *, truncate: bool = False
    ) -> list[Embedding]:
        """Return the embedding of each text.

        ``stop`` ends it after the current batch; ``truncate`` cuts texts that are too long. Raises
        :class:`RequestRefused` for texts that are empty or too long, and tokens that do not exist,
        :class:`Stopped`, and :class:`LocalqwqError` if llama.cpp fails.
        """
        _check(stop)
        tokens = [self._tokens(text, truncate=truncate) for text in texts]
        most = self._context.size if self._pools_last else self._context.batch
        found: list[Embedding] = []
        for group in groups([len(one) for one in tokens], most, self._context.sequences):
            for sequence in range(self._context.sequences):
                self._context.cut(sequence, 0)
            here = tokens[group.start : group.stop]
            pooled = self._pooled_last if self._pools_last else self._pooled_whole
            found += map(_embedding, here, pooled(here, stop))
        return found

    def close(self) -> None:
        """Free the model and its context."""
        self._context.close()
        self._model.close()

    def _tokens(self, text: Text, *, truncate: bool) -> list[int]:
        if isinstance(text, str):
            tokens = self._model.tokenize(text)
        else:
            tokens = list(text)
            if (wrong := next((one for one in tokens if one >= self.vocabulary), None)) is not None:
                raise RequestRefused(
                    "input",
                    f"The token {wrong} does not exist: this model has the tokens 0 to "
                    f"{self.vocabulary - 1}.",
                )
        if not tokens:
            raise RequestRefused("input", "A text is empty: give it at least one token.")
        if len(tokens) > self.longest:
            if not truncate:
                raise RequestRefused(
                    "input",
                    f"A text has {len(tokens):,} tokens, and {self.facts.name} takes at most "
                    f"{self.longest:,}: shorten or divide it.",
                )
            # The end token, which the model may be trained to pool, stays the last.
            tokens = [*tokens[: self.longest - 1], tokens[-1]]
        return tokens

    def _pooled_last(
        self, texts: Sequence[Sequence[int]], stop: threading.Event
    ) -> list[Sequence[float]]:
        context = self._context
        context.pool(on=False)
        silent = [Part(number, 0, text[:-1], 0) for number, text in enumerate(texts)]
        for batch in _batches(silent, lambda: context.room):
            _check(stop)
            context.decode(batch)
        _check(stop)
        context.pool(on=True)
        context.decode(
            [Part(number, len(text) - 1, text[-1:], 1) for number, text in enumerate(texts)]
        )
        return [context.pooled(number) for number in range(len(texts))]

    def _pooled_whole(
        self, texts: Sequence[Sequence[int]], stop: threading.Event
    ) -> list[Sequence[float]]:
        _check(stop)
        self._context.pool(on=True)
        self._context.decode(
            [Part(number, 0, text, len(text)) for number, text in enumerate(texts)]
        )
        return [self._context.pooled(number) for number in range(len(texts))]


def groups(lengths: Sequence[int], most_tokens: int, most_texts: int) -> Iterator[range]:
    """Yield consecutive texts that are processed together: at most so many tokens and texts.

    A text that is longer by itself is a group of its own.
    """
    start = tokens = 0
    for index, length in enumerate(lengths):
        if index > start and (tokens + length > most_tokens or index - start == most_texts):
            yield range(start, index)
            start, tokens = index, 0
        tokens += length
    if lengths:
        yield range(start, len(lengths))


def _batches(parts: Sequence[Part], room: Callable[[], int]) -> Iterator[list[Part]]:
    """Yield the tokens of all parts in batches; ``room``: maximum tokens of the next one."""
    batch: list[Part] = []
    left = room()
    for part in parts:
        at = 0
        while at < len(part.tokens):
            piece = part.tokens[at : at + left]
            batch.append(Part(part.sequence, part.position + at, piece, 0))
            at, left = at + len(piece), left - len(piece)
            if not left:
                yield batch
                batch, left = [], room()
    if batch:
        yield batch


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped


def _embedding(tokens: Sequence[int], values: Sequence[float]) -> Embedding:
    vector = np.asarray(values, np.float32)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length):
        raise LocalqwqError(
            "The model computed an embedding that is not a number: download the model again."
        )
    return Embedding((vector / length if length else vector).astype("<f4").tobytes(), len(tokens))
