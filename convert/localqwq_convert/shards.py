"""Which files in a folder are the model's weights."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.json_file import read_object
from localqwq_convert.notes import Note
from localqwq_convert.safetensors import StoredTensor, read_tensors

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_NUMBERED = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})(\.\w+)?\.safetensors")
_NO_WEIGHTS = ("adapter_model", "adapter", "optimizer", "scheduler", "training_args")
"""Stems of safetensors files beside a model that are something else."""


def read_weights(directory: Path, note: Note) -> dict[str, StoredTensor]:
    """Return the tensors of the model in ``directory`` by their stored names.

    Args:
        directory: the checkpoint's directory.
        note: told which files were chosen in unusual cases.

    Raises:
        LocalqwqError: no weights, damaged or incomplete ones, or ambiguous ones.
    """
    if (directory / SINGLE).is_file():
        return read_tensors(directory / SINGLE)
    if (directory / INDEX).is_file():
        return _indexed(directory / INDEX)
    indices = sorted(directory.glob("*.safetensors.index.json"))
    if len(indices) == 1:
        note(f"{directory} has no {INDEX}: its weights are read by {indices[0].name}.")
        return _indexed(indices[0])
    files = [
        path
        for path in sorted(directory.glob("*.safetensors"))
        if path.stem not in _NO_WEIGHTS and not path.name.startswith(".")
    ]
    if not files:
        raise _no_weights(directory)
    if len(files) > 1:
        _check_numbers(directory, files)
        note(f"{directory} has no {INDEX}: all {len(files)} files that belong together are read.")
        return _united(files)
    if numbered := _NUMBERED.fullmatch(files[0].name):
        _check_numbers(directory, files)
    if not numbered or int(numbered[3]) > 1:
        note(f"{directory} has no {SINGLE}: {files[0].name} is read.")
    return read_tensors(files[0])


def _no_weights(directory: Path) -> LocalqwqError:
    for path in sorted(directory.glob("*.gguf")):
        return LocalqwqError(
            f"{directory} has no safetensors but the GGUF file {path.name}: install that with "
            f"`localqwq models add {path}`, or convert it by its name."
        )
    for pickled in (path for form in _PICKLED for path in sorted(directory.glob(form))):
        return LocalqwqError(
            f"{directory} has its weights only as pickles ({pickled.name}), which can run any "
            "program when they are read: save the checkpoint as safetensors first."
        )
    return LocalqwqError(
        f"{directory} has no weights: neither {SINGLE} nor {INDEX} is there. "
        "Download the whole checkpoint."
    )


def _check_numbers(directory: Path, files: list[Path]) -> None:
    """Check that files without an index are all the parts of one model."""
    parts = [_NUMBERED.fullmatch(path.name) for path in files]
    kinds = {(part[1], part[3], part[4]) if part else None for part in parts}
    if None in kinds or len(kinds) > 1:
        names = ", ".join(path.name for path in files[:4])
        raise LocalqwqError(
            f"{directory} has several files of weights ({names}) and no {INDEX} that says which "
            f"of them are the model: leave only those, or rename the one that is meant to {SINGLE}."
        )
    count = int(next(part[3] for part in parts if part))
    numbers = {int(part[2]) for part in parts if part}
    for number in range(1, min(count, len(files) + 1) + 1):
        if number not in numbers:
            stem, _, end = next(kind for kind in kinds if kind)
            missing = f"{stem}-{number:05}-of-{count:05}{end or ''}.safetensors"
            raise LocalqwqError(f"{directory} lacks the shard {missing}: download it too.")


def _united(files: list[Path]) -> dict[str, StoredTensor]:
    tensors: dict[str, StoredTensor] = {}
    for path in files:
        for name, tensor in read_tensors(path).items():
            if name in tensors:
                raise LocalqwqError(
                    f"{path.parent} has the tensor {ascii(name)[:80]} in {tensors[name].path.name} "
                    f"and in {path.name}: download {INDEX}, which says which of them counts."
                )
            tensors[name] = tensor
    return tensors


def _indexed(index: Path) -> dict[str, StoredTensor]:
    directory = index.parent
    placement = read_object(index).get("weight_map")
    if not isinstance(placement, dict) or not placement:
        raise LocalqwqError(f"{index} has no weight_map: download it again.")
    shards: dict[str, dict[str, StoredTensor]] = {}
    tensors: dict[str, StoredTensor] = {}
    for name, shard in placement.items():
        if not isinstance(shard, str) or PurePath(shard).name != shard:
            raise LocalqwqError(
                f"{index} names a shard that is not a plain file name: {ascii(shard)[:80]}."
            )
        if shard not in shards:
            if not _is_there(directory / shard):
                raise LocalqwqError(
                    f"{directory} lacks the shard {_shown(shard)} that {index.name} names: "
                    "download it too."
                )
            shards[shard] = read_tensors(directory / shard)
        if name not in shards[shard]:
            raise LocalqwqError(
                f"{index} says that {shard} holds the tensor {ascii(name)[:80]}, and it does not: "
                "download index and shards again, from the same revision."
            )
        tensors[name] = shards[shard][name]
    return tensors | _unnamed(index, placement, shards)


def _shown(name: str) -> str:
    return ascii(name)[1:-1][:80]


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system accepts
        return False


def _unnamed(
    index: Path, placement: Mapping[str, Any], shards: Mapping[str, Mapping[str, StoredTensor]]
) -> dict[str, StoredTensor]:
    """Return tensors in shards that the index omits, for the caller to decide about."""
    found: dict[str, StoredTensor] = {}
    for shard, tensors in shards.items():
        for name, tensor in tensors.items():
            if placement.get(name, shard) != shard or name in found:
                raise LocalqwqError(
                    f"{index.parent} has the tensor {ascii(name)[:80]} in two shards: download "
                    "index and shards again, from the same revision."
                )
            if name not in placement:
                found[name] = tensor
    return found
