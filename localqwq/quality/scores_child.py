"""Predict a text, token by token: ``python -m localqwq.quality.scores_child``.

A reference's predictions are kept; those of another model are compared with them. A process of its
own, so that never two models are in memory. What it found is kept chunk by chunk.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.loading import load_model
from localqwq.engine.probing.probe_child import report_order
from localqwq.engine.rope import RopeScaling
from localqwq.quality.chunks import CHUNK, PARALLEL, Tokens, chunk_count, chunks, grouped
from localqwq.quality.divergence import SCORE, Scores, likelihood, score, score_compact
from localqwq.quality.loading import chunk_context, load_options
from localqwq.quality.records import Records
from localqwq.quality.reference import (
    BOTH,
    SCORED,
    Form,
    compact_of,
    compact_record,
    full_of,
    full_record,
)

_BLOCK = 15
"""Positions that are scored at once: a divisor of all, small enough for a processor's cache."""
_FIRST = CHUNK // 2

Logits = NDArray[np.float32]


def predict(
    path: str,
    load: Mapping[str, Any],
    tokens: str,
    scores: str,
    identity: str,
    rope_factor: float | None = None,
    reference: str | None = None,
    reference_identity: str = "",
    vocabulary: int = 0,
    words: int | None = None,
    writes: bool = False,
) -> Iterator[dict[str, float]]:
    """Score the tokens of a text, and yield how far it is, in chunks and seconds.

    Args:
        path: the model.
        load: its ``LoadOptions``.
        tokens: a ``.npy`` file of token ids.
        scores: the file for the scores.
        identity: what they depend on.
        rope_factor: by how much YaRN stretches positions; None for what the chunk needs.
        reference: the files of a reference's predictions, without their endings; None for none.
        reference_identity: what they depend on.
        vocabulary: the reference's number of words.
        words: those that its compact form keeps at each position; None for the full form.
        writes: whether this model is the reference.

    Raises:
        LocalqwqError: the model cannot be loaded, or a file not be written.
    """
    text: Tokens = np.load(tokens, allow_pickle=False)
    total = chunk_count(len(text))
    with ExitStack() as files:
        kept = files.enter_context(Records(Path(scores), identity, SCORED * SCORE.itemsize))
        base = None
        if reference is not None:
            form = Form(vocabulary, words)
            base = files.enter_context(_Reference(Path(reference), reference_identity, form))
        done = len(kept)
        if base is not None and writes:
            done = min(done, base.whole)
        yield {"done": done, "of": total, "before": done, "seconds": 0.0}
        if done == total:
            return
        before = done
        options = load_options(load)
        model = load_model(Path(path), options)
        rope = None
        if rope_factor is not None:
            rope = RopeScaling("none")
            if rope_factor != 1:
                rope = RopeScaling("yarn", rope_factor, model.facts.rope_original_context)
        context = chunk_context(
            model, options, outputs=CHUNK - _FIRST, parallel=PARALLEL, rope=rope
        )
        threads = files.enter_context(ThreadPoolExecutor(options.threads or 1))
        # Sizes of batches change last digits, so a group that was begun is computed whole.
        done -= done % PARALLEL
        for group in grouped(chunks(text, model.begin_token, done)):
            began = monotonic()
            context.decode(group)
            for index, chunk in enumerate(group):
                logits = context.logits(index)[:SCORED]
                following = np.array(chunk[_FIRST + 1 :], np.int32)
                if base is None:
                    found = _likelihoods(threads, logits, following)
                elif writes:
                    found = base.write(threads, done, logits, following)
                else:
                    found = base.compare(threads, done, logits, following)
                if done == len(kept):
                    kept.append(found.tobytes())
                done += 1
            taken = monotonic() - began
            yield {"done": done, "of": total, "before": before, "seconds": taken}
        context.close()
        model.close()


class _Reference:
    """The files of a reference's predictions; a context manager."""

    def __init__(self, path: Path, identity: str, form: Form) -> None:
        self._form = form
        self._full = Records(path.with_suffix(".full"), identity, form.full_bytes)
        self._compact = None
        if form.words is not None:
            self._compact = Records(path.with_suffix(".compact"), identity, form.compact_bytes)

    def __enter__(self) -> "_Reference":
        self._stack = ExitStack()
        self._stack.enter_context(self._full)
        if self._compact is not None:
            self._stack.enter_context(self._compact)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @property
    def whole(self) -> int:
        """The number of chunks that are kept."""
        if self._compact is None:
            return len(self._full)
        full = len(self._full)
        return len(self._compact) if full >= BOTH else min(full, len(self._compact))

    def write(
        self, threads: ThreadPoolExecutor, number: int, logits: Logits, following: Tokens
    ) -> Scores:
        """Keep the predictions for a chunk, and return their likelihood."""
        found = _likelihoods(threads, logits, following)
        words = self._form.words
        if (self._compact is None or number < BOTH) and number == len(self._full):
            coded = threads.map(lambda part: full_record(logits[part]), _blocks())
            self._full.append(b"".join(coded))
        if self._compact is not None and words is not None and number == len(self._compact):
            self._compact.append(compact_record(logits, words, found["nll"]))
        return found

    def compare(
        self, threads: ThreadPoolExecutor, number: int, logits: Logits, following: Tokens
    ) -> Scores:
        """Return the scores of another model's predictions for a chunk."""
        found = None
        if self._compact is None or number < BOTH:
            codes = full_of(self._full[number], self._form.vocabulary)
            found = _in_blocks(
                threads, lambda part: score(logits[part], following[part], codes[part])
            )
        if self._compact is not None and self._form.words is not None:
            kept, nll = compact_of(self._compact[number], self._form.words)
            compact = score_compact(logits, following, kept, nll)
            if found is not None:
                compact["kld"] = found["kld"]
            return compact
        assert found is not None
        return found


def _blocks() -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, SCORED, _BLOCK)]


def _likelihoods(threads: ThreadPoolExecutor, logits: Logits, following: Tokens) -> Scores:
    return _in_blocks(threads, lambda part: likelihood(logits[part], following[part]))


def _in_blocks(threads: ThreadPoolExecutor, work: Callable[[slice], Scores]) -> Scores:
    """Return the scores of all positions, computed in blocks by several threads."""
    return np.concatenate(list(threads.map(work, _blocks())))


if __name__ == "__main__":
    sys.exit(report_order(predict))
