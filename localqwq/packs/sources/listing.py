"""A source's files of a model, sorted into quantizations by their names."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from localqwq.gguf.split import parse_part_name
from localqwq.packs.download.transfer import Resource
from localqwq.packs.manifest import MANIFEST_NAME, MAX_FILE_BYTES, Manifest
from localqwq.packs.sources.file_names import (
    is_beside,
    is_gguf,
    may_be_imatrix,
    model_of,
    quant_of,
)

_IMATRIX_PART = 50
"""An importance matrix is smaller than the model's largest file divided by this."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
UNNAMED = "GGUF"
"""The name of a quantization until a file's name or header tells it."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in a source."""

    path: str
    """Its path in the source; never used as a target."""
    bytes: int
    sha256: str | None
    """Its expected SHA-256; ``None`` if the source does not state it."""
    place: Resource | Path
    """Where to get it: over HTTP, or from a folder on this machine."""
    version: str = ""
    """Another identifier of the content, such as an ETag."""
    otherwise: Resource | None = None
    """Where to get it if a file on this machine turns out to be damaged."""

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def identity(self) -> str:
        """A text that is the same for the same content, wherever it comes from, if a hash is known.

        Without one it is the same for the same name: ``version`` may differ between mirrors.
        """
        return f"{self.bytes} {self.sha256 or self.path}"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a source at one moment."""

    label: str
    """The source's name for people: ``Hugging Face``."""
    source: str
    """The repository's id, a URL or a folder's name."""
    revision: str | None
    """The commit, if the source has commits."""
    quants: dict[str, tuple[RemoteFile, ...]] = field(repr=False)
    """Files of each quantization, the first part first; the largest quantization first."""
    manifest: Manifest | None = None
    """The pack's own manifest, if it has one."""
    problems: dict[str, str] = field(default_factory=dict, repr=False)
    """Quantizations that cannot be downloaded, and why: a clause for people."""
    several: tuple[str, ...] = ()
    """One file of each model, if there are several and none was chosen."""
    notes: tuple[str, ...] = ()
    """Remarks for people, one sentence each."""

    def bytes(self, quant: str) -> int:
        """Return the size of a quantization's files."""
        return sum(file.bytes for file in self.quants[quant])


class Source(Protocol):
    """A place that has models."""

    @property
    def label(self) -> str:
        """Its name for people: ``Hugging Face``."""

    def listing(self, wanted: Callable[[str], bool]) -> Listing:
        """Return its files whose paths are ``wanted``.

        Raises:
            SourceFailed: it has none, or refuses.
            Interrupted: it cannot be reached now.
        """


def sorted_quants(files: Iterable[RemoteFile]) -> dict[str, tuple[RemoteFile, ...]]:
    """Return files by quantization: one file each, or all parts of a split model.

    Of two sets for a quantization the one in a single file counts, then that with the shorter
    name. Incomplete splits, what goes with a model and files of absurd sizes are left out.
    """
    return in_order({one.quant: one.files for one in reversed(model_files(files)) if one.quant})


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one quantization of one model, the first part first."""

    model: str
    """The part of the files' names that all quantizations of the model share."""
    quant: str | None
    """None if no name states it."""
    files: tuple[RemoteFile, ...]


def model_files(files: Iterable[RemoteFile]) -> list[ModelFiles]:
    """Return the models among files, preferred ones first; see `sorted_quants`."""
    sets: dict[tuple[str | None, str], list[RemoteFile]] = {}
    for file in _models(files):
        part = parse_part_name(file.name)
        stem = file.path.removesuffix(file.name) + (part[0] if part else file.name)
        sets.setdefault((quant_of(file.path), stem), []).append(file)
    found = []
    ordered = sorted(sets.items(), key=lambda item: (len(item[1]), str(item[0][0]), item[0][1]))
    for (quant, _), members in ordered:
        parts = sorted(members, key=lambda file: file.name)
        if _is_whole([file.name for file in parts]):
            found.append(ModelFiles(model_of(parts[0].path), quant, tuple(parts)))
    return found


def in_order(quants: dict[str, tuple[RemoteFile, ...]]) -> dict[str, tuple[RemoteFile, ...]]:
    """Return the quantizations, largest first."""
    by_size = sorted(quants, key=lambda quant: -sum(file.bytes for file in quants[quant]))
    return {quant: quants[quant] for quant in by_size}


def _models(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """Return the files that can be models or parts of models.

    If a repository has only drafts or adapters, return those.
    """
    usable = [file for file in files if is_gguf(file.name) and 0 < file.bytes <= MAX_FILE_BYTES]
    usable = [file for file in usable if not is_beside(file.name)] or usable
    largest = max((file.bytes for file in usable), default=0)
    return [
        file
        for file in usable
        if not may_be_imatrix(file.name)
        or (quant_of(file.path) is not None and file.bytes * _IMATRIX_PART > largest)
    ]


def described_quants(
    manifest: Manifest, files: Iterable[RemoteFile]
) -> tuple[dict[str, tuple[RemoteFile, ...]], dict[str, str]]:
    """Return files by quantization as in a pack's manifest, and the problems of the others.

    A repository that lost or replaced one quantization still has the rest.
    """
    present = {file.path: file for file in files}
    chosen, problems = {}, {}
    for quant in manifest.quants:
        parts = []
        for known in manifest.parts(quant):
            file = present.get(known.path)
            if file is None:
                problems[quant] = f"lacks {known.path}, which its {MANIFEST_NAME} names"
            elif file.bytes != known.bytes or file.sha256 not in (None, known.sha256):
                problems[quant] = f"has a {known.path} that does not match its {MANIFEST_NAME}"
            else:
                parts.append(replace(file, sha256=known.sha256))
        if quant not in problems:
            chosen[quant] = tuple(parts)
    return chosen, problems


def checksum(text: object) -> str | None:
    """Return a SHA-256 in lowercase hexadecimal digits, if the text is one."""
    lower = text.lower() if isinstance(text, str) else ""
    return lower if _SHA256.fullmatch(lower) else None


def _is_whole(names: Sequence[str]) -> bool:
    parts = [parse_part_name(name) for name in names]
    if None in parts:
        return len(names) == 1
    numbers = [part[1] for part in parts if part]
    counts = {part[2] for part in parts if part}
    return len(counts) == 1 and numbers == list(range(1, counts.pop() + 1))
