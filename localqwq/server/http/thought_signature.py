"""Signatures of thoughts, by which a thought that comes back is known to be unchanged; pure.

They tell this server's thoughts from those of other models, which would mislead it; they are a
checksum and keep no secret.
"""

import base64
import hashlib
import zlib

_SHOWN = "localqwq-1."
"""Begins a signature of a thought that was shown."""
_SEALED = "localqwq-2."
"""Begins a signature that holds the thought, which was not shown."""
_MOST_BYTES = 4 << 20
"""Maximum bytes of a thought in a signature: its compressed form must not unfold without end."""


def sign(thought: str) -> str:
    """Return the signature of a thought that the client sees."""
    return _SHOWN + _digest(_bytes(thought))


def seal(thought: str) -> str:
    """Return a signature that holds the thought itself, for a client that does not see it."""
    content = _bytes(thought)
    packed = base64.b64encode(zlib.compress(content)).decode("ascii")
    return f"{_SEALED}{_digest(content)}.{packed}"


def signed_thought(shown: str, signature: str) -> str | None:
    """Return the thought of a block that came back; None if it is not this server's, unchanged."""
    if signature.startswith(_SHOWN):
        return shown if signature == sign(shown) else None
    if not signature.startswith(_SEALED):
        return None
    digest, _, packed = signature.removeprefix(_SEALED).partition(".")
    content = _unpacked(packed)
    if content is None or _digest(content) != digest:
        return None
    return content.decode("utf-8", "surrogatepass")


def _digest(content: bytes) -> str:
    return hashlib.sha256(b"localqwq thought\n" + content).hexdigest()


def _bytes(thought: str) -> bytes:
    return thought.encode("utf-8", "surrogatepass")


def _unpacked(packed: str) -> bytes | None:
    reader = zlib.decompressobj()
    try:
        content = reader.decompress(base64.b64decode(packed, validate=True), _MOST_BYTES)
    except (ValueError, zlib.error):
        return None
    return content if reader.eof else None
