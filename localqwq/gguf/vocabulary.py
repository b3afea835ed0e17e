"""Check that a vocabulary has what llama.cpp looks up in it.

Otherwise llama.cpp ends its process: for a duplicate token when the model is loaded, for a byte
without a token when a text first contains that byte.
"""

import hashlib
import struct
from pathlib import Path

from localqwq.errors import FileProblem
from localqwq.gguf.header import Header

_TOKENS = "tokenizer.ggml.tokens"
_LENGTH = struct.Struct("<Q")
_KIND = struct.Struct("<I")
_STRING = 8
_SHOWN = 40


def expect_usable_vocabulary(path: Path, header: Header) -> None:
    """Check that a model's vocabulary does not end llama.cpp's process.

    This takes some tens of milliseconds for a large vocabulary; a file without one is skipped.

    Raises:
        LocalqwqError: it would; the message says why.
    """
    tokens = _tokens(path, header)
    if not tokens:
        return
    known = set(tokens)
    if len(known) < len(tokens):
        seen: set[bytes] = set()
        for token in tokens:  # llama.cpp gives empty tokens names of their own
            if token and token in seen:
                shown = ascii(token.decode("utf-8", errors="replace"))[:_SHOWN]
                raise _unusable(path, f"the token {shown} appears twice")
            seen.add(token)
    if header.metadata.get("tokenizer.ggml.model") == "llama":
        for byte in range(256):
            if f"<0x{byte:02X}>".encode() not in known and bytes([byte]) not in known:
                raise _unusable(path, f"it has no token for the byte 0x{byte:02X}")


def vocabulary_digest(path: Path, header: Header) -> str:
    """Return a digest that is equal for models with the same tokens in the same order.

    Raises:
        LocalqwqError: the vocabulary is damaged.
    """
    digest = hashlib.sha256()
    for token in _tokens(path, header):
        digest.update(_LENGTH.pack(len(token)) + token)
    return digest.hexdigest()


def _tokens(path: Path, header: Header) -> list[bytes]:
    """Return the bytes of all tokens as the file has them; they need not be UTF-8."""
    count = header.lengths.get(_TOKENS, 0)
    if not count or _TOKENS not in header.entries:
        return []
    start, end = header.entries[_TOKENS]
    with path.open("rb") as stream:
        stream.seek(start)
        data = stream.read(end - start)
    # The key with its length, the types of the value and of its elements, and their number.
    at = _LENGTH.size + len(_TOKENS) + 4 + 4 + 8
    if _KIND.unpack_from(data, at - 12)[0] != _STRING:
        raise _unusable(path, "its tokens are not text")
    tokens, size, unpack = [], _LENGTH.size, _LENGTH.unpack_from
    for _ in range(count):  # 150,000 in a large vocabulary
        start = at + size
        at = start + unpack(data, at)[0]
        tokens.append(data[start:at])
    return tokens


def _unusable(path: Path, problem: str) -> FileProblem:
    return FileProblem(
        path,
        f"has a vocabulary that llama.cpp cannot use: {problem}; convert the model again, or "
        "choose another source.",
    )
