"""Everything besides its tokens that a conversation's state depends on."""

import hashlib
from pathlib import Path

from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq.gguf.split import part_paths

_SAMPLE = 4096


def state_key(
    *, model: Path, kv_type: str, flash: bool, rope: RopeScaling, llama_version: str
) -> str:
    """Return a key that is equal in every run in which equal tokens give equal states.

    ``model``: its first file. ``kv_type``: the type of the cache's values; without ``flash``
    attention their order differs. ``llama_version``: of the code that computes the state and lays
    out its bytes. The context's size is not included: it changes what fits, but no number.

    Raises:
        LocalqwqError: the model's file cannot be read.
    """
    digest = hashlib.sha256()
    for path in part_paths(model, read_header(model)):
        digest.update(_identity(path))
    digest.update(repr((kv_type, flash, rope, llama_version)).encode())
    return digest.hexdigest()


def _identity(path: Path) -> bytes:
    """Return a digest that identifies a GGUF file without reading its tens of gigabytes.

    Path and time alone are not enough: another model may be put in its place with the old time. The
    header and the size distinguish architectures and quantizations, but not two trainings of one
    model: those differ in the weights, so a sample from the middle of every tensor is read. An edit
    that misses all samples, such as some rows of the embedding, still changes the file's time; a
    copy with a new time costs no more than prefilling a prompt again.
    """
    header = read_header(path)
    digest = hashlib.sha256()
    try:
        status = path.stat()
        digest.update(repr((status.st_size, status.st_mtime_ns)).encode())
        with path.open("rb") as stream:
            digest.update(stream.read(header.data_offset))
            for tensor in header.tensors:
                stream.seek(tensor.offset + max(0, tensor.bytes - _SAMPLE) // 2)
                digest.update(stream.read(min(_SAMPLE, tensor.bytes)))
    except OSError as error:
        raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error
    return digest.digest()
