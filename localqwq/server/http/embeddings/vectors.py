"""Embeddings as the engine returns them, and as clients want them; pure."""

import base64
import math
import struct
from collections.abc import Sequence

from localqwq.server.http.errors import InvalidRequestError


def shortened(vector: bytes, dimensions: int | None) -> bytes:
    """Return the first ``dimensions`` of a vector's 32-bit floats, again of length 1 together.

    Raises ``InvalidRequestError`` if it has fewer.
    """
    length = len(vector) // 4
    if dimensions is None or dimensions == length:
        return vector
    if dimensions > length:
        raise InvalidRequestError(
            f"The model's embeddings have {length:,} dimensions, and {dimensions:,} are wanted.",
            "dimensions",
        )
    values = struct.unpack(f"<{dimensions}f", vector[: 4 * dimensions])
    norm = math.sqrt(sum(value * value for value in values)) or 1.0
    return struct.pack(f"<{dimensions}f", *(value / norm for value in values))


def numbers(vector: bytes) -> Sequence[float]:
    """Return the values with as many digits as tell 32-bit floats apart."""
    return [float(f"{value:.9g}") for (value,) in struct.iter_unpack("<f", vector)]


def base64_text(vector: bytes) -> str:
    """Return the floats in base64, as OpenAI's clients read them."""
    return base64.b64encode(vector).decode("ascii")
