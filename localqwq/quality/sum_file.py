"""The file that unfinished sums are kept in, so that a killed run can go on."""

import contextlib
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localqwq.errors import FileProblem
from localqwq.quality.chunks import CHUNK, Tokens
from localqwq.quality.column_sums import ColumnSums

_IDENTITY, _CHUNKS = "identity", "chunks"


@dataclass(frozen=True, slots=True)
class SumsSoFar:
    """The sums over the first chunks of a text."""

    chunks: int
    sums: ColumnSums


def identity_of(model: str, tokens: Tokens) -> str:
    """Return what tells the sums of a text apart from others; ``model``: its ``model_key``."""
    digest = hashlib.sha256(f"{model} {CHUNK} ".encode() + tokens.tobytes())
    return digest.hexdigest()


def read_sums(path: Path, identity: str) -> SumsSoFar | None:
    """Return the sums of an earlier run of the same work; None if there are none.

    Each member of the file has a checksum, so that one that was not written to its end is ignored.
    """
    with (
        contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile),
        np.load(path, allow_pickle=False) as stored,
    ):
        arrays = dict(stored)
        if str(arrays.pop(_IDENTITY)) == identity:
            return SumsSoFar(int(arrays.pop(_CHUNKS)), ColumnSums.of_arrays(arrays))
    return None


def write_sums(path: Path, identity: str, chunks: int, sums: ColumnSums) -> None:
    """Replace the file; ``identity`` tells the model and the text apart from others.

    Raises:
        LocalqwqError: it cannot be written.
    """
    new = path.with_name(path.name + "~")
    try:
        with new.open("wb") as stream:
            named = {_IDENTITY: np.array(identity), _CHUNKS: np.array(chunks)}
            np.savez(stream, allow_pickle=False, **named, **sums.as_arrays())
        new.replace(path)
    except OSError as error:
        raise FileProblem(path, f"cannot be written: {error.strerror or error}.") from error
