"""A fingerprint of everything that an output's bytes depend on, to resume only the same output."""

import hashlib
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from localqwq.version import __version__
from localqwq_convert.plan import PlannedOutput
from localqwq_convert.source import Source


def fingerprint(
    source: Source, output: PlannedOutput, importances: Mapping[str, NDArray[np.float32]]
) -> str:
    """Return a SHA-256 of everything that ``output`` depends on, except the weights themselves.

    Those are identified by the shards' sizes and modification times, as reading them all would take
    as long as converting them. The headers contain the options and the recipe.
    """
    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(repr(values).encode())

    add(__version__, _kernels())
    add(*source.identity())
    for tensor in source.tensors:
        if tensor.target in importances:
            digest.update(importances[tensor.target].tobytes())
    for file in output.files:
        add(file.path.name)
        for piece in file.header:
            digest.update(piece)
    return digest.hexdigest()


def _kernels() -> tuple[str | None, str | None]:
    """Return which kernels quantize: llama-cpp-python's version, and the folder of a custom
    build.
    """
    try:
        packaged = version("llama-cpp-python")
    except PackageNotFoundError:
        packaged = None
    return packaged, os.environ.get("LLAMA_CPP_LIB_PATH")
