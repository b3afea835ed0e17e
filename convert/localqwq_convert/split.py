"""Split models: which tensors go into which file, as in llama.cpp's ``gguf-split``.

Source: ``split_strategy`` in llama.cpp's ``tools/gguf-split/gguf-split.cpp``.
"""

from collections.abc import Sequence

from gguf.constants import GGUFValueType

from localqwq.errors import LocalqwqError
from localqwq_convert.header import Entry, OutputTensor

MAX_PARTS = 256
"""Maximum number of parts, for a manageable manifest; llama.cpp could count to 65,535."""


def cut(tensors: Sequence[OutputTensor], max_bytes: int | None) -> list[list[OutputTensor]]:
    """Return the tensors of each part, in order; one part if ``max_bytes`` is None.

    As in llama.cpp, ``max_bytes`` limits a part's tensors with their padding; the header comes on
    top, which in the first part has the vocabulary.

    Raises:
        LocalqwqError: a tensor alone is larger, or there would be more than ``MAX_PARTS`` parts.
    """
    if max_bytes is None:
        return [list(tensors)]
    parts: list[list[OutputTensor]] = [[]]
    size = 0
    for tensor in tensors:
        if tensor.stored_bytes > max_bytes:
            raise LocalqwqError(
                f"Cannot split into parts of {max_bytes:,} bytes: the tensor {tensor.name} alone "
                f"has {tensor.stored_bytes:,}; allow larger parts."
            )
        if size + tensor.stored_bytes > max_bytes:
            parts.append([])
            size = 0
        parts[-1].append(tensor)
        size += tensor.stored_bytes
    if len(parts) > MAX_PARTS:
        raise LocalqwqError(
            f"Parts of {max_bytes:,} bytes would be {len(parts):,} files, and {MAX_PARTS} are the "
            "most: allow larger parts."
        )
    return parts


def split_metadata(index: int, parts: int, tensors: int) -> list[Entry]:
    """Return the keys that tell a loader where part ``index`` (from 0) of ``parts`` belongs.

    Args:
        index: the part's number.
        parts: number of parts.
        tensors: number of tensors in all parts.
    """
    return [
        Entry("split.no", GGUFValueType.UINT16, index),
        Entry("split.count", GGUFValueType.UINT16, parts),
        Entry("split.tensors.count", GGUFValueType.INT32, tensors),
    ]
