"""An importance matrix of a model on this machine: how large its matrices' inputs are."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from localqwq.children import Child
from localqwq.engine.probing.probe_child import reports
from localqwq.errors import LocalqwqError
from localqwq.models.launch import Launch
from localqwq.quality.chunks import CHUNK, Tokens
from localqwq.quality.column_sums import ColumnSums
from localqwq.quality.corpus import OnProgress
from localqwq.quality.loading import model_key
from localqwq.quality.sum_file import identity_of, read_sums


def collected(
    planned: Launch, tokens: Tokens, state: Path, folder: Path, on_progress: OnProgress
) -> ColumnSums:
    """Return the sums over the whole chunks of a text, computed in a child process.

    Args:
        planned: how the model is loaded.
        tokens: the text.
        state: the file for what was found so far; it is left to the caller to remove it.
        folder: for a temporary file.
        on_progress: told of each chunk, in tokens.

    Raises:
        LocalqwqError: the model cannot be loaded or computed, or the state not be written.
    """
    file = folder / "text.npy"
    np.save(file, tokens, allow_pickle=False)
    path, load = planned.model.absolute(), asdict(planned.load)
    order = {"path": str(path), "load": load, "tokens": str(file), "state": str(state.absolute())}
    for at in reports(Child.IMATRIX, order):
        on_progress(at["done"] * CHUNK, at["of"] * CHUNK, at["before"] * CHUNK)
    found = read_sums(state, identity_of(model_key(path, load), tokens))
    if found is None:
        raise LocalqwqError(f"{state} is gone or damaged: run the same command again.")
    return found.sums
