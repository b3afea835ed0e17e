"""What an output's bytes depend on, in one number: whoever goes on with it has to have the same."""

import hashlib
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.version import __version__
from localqwq_convert.model import SourceModel
from localqwq_convert.plan import PlannedOutput


def fingerprint(
    model: SourceModel, output: PlannedOutput, importances: Mapping[str, NDArray[np.float32]]
) -> str:
    """A SHA-256 of everything that ``output`` follows from, the weights themselves excepted.

    Those are recognised by the shards' sizes and times of change, as reading them all would take
    as long as converting them. The headers have the options and the recipe in them.
    """
    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(repr(values).encode())

    add(__version__, _kernels())
    for shard in sorted({stored.path for stored in model.checkpoint.stored()}):
        try:
            status = shard.stat()
        except OSError as error:
            raise LocalqwqError(f"Cannot read {shard}: {error.strerror or error}.") from error
        add(shard.name, status.st_size, status.st_mtime_ns)
    for tensor in model.tensors:
        stored = model.checkpoint.tensors.get(tensor.source)
        if stored:
            add(tensor.target, tensor.heads, stored.path.name, stored.dtype, stored.offset)
        else:
            add(tensor.target, model.computed[tensor.target].tobytes())
        if product := model.checkpoint.products.get(tensor.source):
            factors = [(f.path.name, f.dtype, f.offset) for f in (product.a, product.b)]
            add(*factors, product.scale)
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
