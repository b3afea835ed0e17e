"""What an output's bytes depend on, in one number: whoever goes on with it has to have the same."""

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
    """A SHA-256 of everything that ``output`` follows from, the weights themselves excepted.

    Those are recognised by the shards' sizes and times of change, as reading them all would take
    as long as converting them. The headers have the options and the recipe in them.
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
    """Whose kernels quantize: llama-cpp-python's version, and the folder of people's own build."""
    try:
        packaged = version("llama-cpp-python")
    except PackageNotFoundError:
        packaged = None
    return packaged, os.environ.get("LLAMA_CPP_LIB_PATH")
