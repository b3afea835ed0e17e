"""What a path means to a conversion: a checkpoint, an adapter, or a GGUF file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq_convert.adapter import open_merged
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.checkpoint_source import CheckpointSource
from localqwq_convert.gguf_source import gguf_pack_name, open_gguf
from localqwq_convert.model import read_model
from localqwq_convert.notes import Note
from localqwq_convert.pack import check_name, default_name
from localqwq_convert.rope import RopeChoice
from localqwq_convert.source import Source

_GGUF = ".gguf"


@contextmanager
def open_source(
    path: Path,
    name: str | None,
    *,
    merge: Path | None,
    rope: RopeChoice,
    requantize: bool,
    note: Note,
) -> Iterator[Source]:
    """Yield a model of which everything except the weights has been read; unmap those at the end.

    Args:
        path: directory of a checkpoint or an adapter, or a GGUF file.
        name: the pack's name; by default that of ``path``.
        merge: directory of the checkpoint that the adapter was trained on.
        rope: whether positions may be scaled.
        requantize: whether to accept a quantized GGUF file.
        note: told about anything unusual.

    Raises:
        LocalqwqError: nothing that can be converted, or options that do not apply to it.
    """
    is_file = path.is_file() and path.suffix.lower() == _GGUF
    stem = gguf_pack_name(path) if is_file else path.resolve().name
    name = default_name(stem) if name is None else name
    check_name(name)
    if is_file:
        _check_options(path, merge, rope)
        with open_gguf(path, name, requantize=requantize) as source:
            yield source
        return
    if requantize:
        raise LocalqwqError(
            "--requantize is for GGUF files: a checkpoint that can be converted is not quantized."
        )
    opened = open_checkpoint(path, note) if merge is None else open_merged(path, merge, note)
    with opened:
        yield CheckpointSource(read_model(opened, name, rope, note))


def _check_options(path: Path, merge: Path | None, rope: RopeChoice) -> None:
    if merge is not None:
        raise LocalqwqError(
            f"{path} is not an adapter: --merge is for a folder that PEFT has saved."
        )
    if rope != "yarn":
        raise LocalqwqError(
            f"--rope {rope} is for checkpoints: {path} says by itself how positions are scaled."
        )
