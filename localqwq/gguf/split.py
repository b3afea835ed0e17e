"""Split models: how their parts are named, and how their headers are joined.

llama.cpp's rules (``llama_split_path`` and ``llama_model_loader``): part 1 has the metadata, every
part states its number and the count, and their names differ only in the number.
"""

import re
from dataclasses import replace
from pathlib import Path

from localqwq.errors import FileProblem
from localqwq.gguf.header import Header, read_header

MAX_PARTS = 99_999
"""The most that five digits can count."""

_NAME = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.gguf")


def part_name(stem: str, number: int, count: int) -> str:
    """Return the file name of part ``number`` (from 1) of a model in ``count`` files."""
    return f"{stem}-{number:05}-of-{count:05}.gguf"


def parse_part_name(name: str) -> tuple[str, int, int] | None:
    """Return stem, number (from 1) and count of a part's file name; ``None`` for other names."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2]), int(match[3])) if match else None


def part_paths(path: Path, header: Header) -> list[Path]:
    """Return all files of the model whose first file is at ``path``; they need not exist.

    Raises:
        LocalqwqError: it is not the first part, or has a name that llama.cpp cannot follow.
    """
    count = header.metadata.get("split.count", 1)
    if not isinstance(count, int) or not 0 <= count <= MAX_PARTS:
        raise FileProblem(path, f"is damaged: its split.count is {ascii(count)[:40]}.")
    if count < 2:
        return [path]
    named = parse_part_name(path.name)
    stem = named[0] if named else path.stem
    first = part_name(stem, 1, count)
    number = header.metadata.get("split.no")
    if named and number != 0:
        raise FileProblem(
            path, f"is one of {count} parts of a model: name the first, {first}, instead."
        )
    if path.name != first:
        raise FileProblem(
            path,
            f"is the first of {count} parts of a model and should be named {first}: "
            "give all its parts the names they had.",
        )
    return [path.with_name(part_name(stem, part, count)) for part in range(1, count + 1)]


def joined_header(path: Path, header: Header) -> Header:
    """Return the header of the whole model: the first part's metadata, and all tensors.

    Offsets are those in each tensor's own file. For a model in one file this is ``header`` itself.

    Raises:
        LocalqwqError: a part is missing, damaged, or belongs to another model.
    """
    paths = part_paths(path, header)
    headers = [header]
    for number, part in enumerate(paths[1:], start=1):
        if not part.is_file():
            raise FileProblem(path, f"is incomplete: its part {part.name} is missing.")
        headers.append(read_header(part))
        metadata = headers[-1].metadata
        if (metadata.get("split.no"), metadata.get("split.count")) != (number, len(paths)):
            raise FileProblem(
                part,
                f"is not part {number + 1} of {len(paths)} of {path}: "
                "download or convert them again.",
            )
    tensors = tuple(tensor for one in headers for tensor in one.tensors)
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise FileProblem(
            path,
            "is damaged: two of its parts hold a tensor of the same name; "
            "download or convert them again.",
        )
    return replace(header, tensors=tensors, file_bytes=sum(one.file_bytes for one in headers))
