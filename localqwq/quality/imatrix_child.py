"""Collect an importance matrix: ``python -m localqwq.quality.imatrix_child``.

A process of its own, since memory may run out or a driver crash, and because llama.cpp's evaluation
callback belongs to a context. It prints one JSON document for each chunk.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import numpy as np

from localqwq.engine.llama.matrix_inputs import MatrixInputs
from localqwq.engine.loading import load_model
from localqwq.engine.probing.probe_child import report_order
from localqwq.quality.chunks import CHUNK, PARALLEL, Tokens, chunk_count, chunks, grouped
from localqwq.quality.column_sums import ColumnSums
from localqwq.quality.loading import chunk_context, load_options, model_key
from localqwq.quality.sum_file import identity_of, read_sums, write_sums

_SAVING = 0.02
"""Share of the time that may go into saving what was found so far."""


def collect(
    path: str, load: dict[str, object], tokens: str, state: str
) -> Iterator[dict[str, int]]:
    """Collect the sums over a text's tokens in ``state``, and yield how far it is.

    Args:
        path: the model.
        load: its ``LoadOptions``.
        tokens: a ``.npy`` file of token ids.
        state: the file for the sums; one of an interrupted run of the same work is continued.

    Raises:
        LocalqwqError: the model cannot be loaded, or the state not be written.
    """
    text: Tokens = np.load(tokens, allow_pickle=False)
    total = chunk_count(len(text))
    identity = identity_of(model_key(Path(path), load), text)
    before = read_sums(Path(state), identity)
    done = started = before.chunks if before else 0
    yield {"done": done, "of": total, "before": started}
    if done == total:
        return
    sums = before.sums if before else ColumnSums()
    inputs = MatrixInputs(sums.add)
    options = load_options(load)
    model = load_model(Path(path), options)
    # All outputs are wanted, or the last layer would see only some of the tokens.
    context = chunk_context(model, options, outputs=CHUNK, parallel=PARALLEL, inputs=inputs)
    clock = SavingClock(_SAVING)
    for group in grouped(chunks(text, model.begin_token, done)):
        context.decode(group)
        sums.check()
        done += len(group)
        if done == total or clock.is_due():
            with clock:
                write_sums(Path(state), identity, done, sums)
        yield {"done": done, "of": total, "before": started}
    context.close()
    model.close()


class SavingClock:
    """Says when to save, so that saving takes a small share of the time. A context manager."""

    def __init__(self, share: float) -> None:
        """Begin now; ``share`` of the time goes into saving."""
        self._share = share
        self._began = self._next = monotonic()

    def is_due(self) -> bool:
        """Return whether it is time to save again."""
        return monotonic() >= self._next

    def __enter__(self) -> None:
        self._began = monotonic()

    def __exit__(self, *_: object) -> None:
        now = monotonic()
        self._next = now + (now - self._began) / self._share


if __name__ == "__main__":
    sys.exit(report_order(collect))
