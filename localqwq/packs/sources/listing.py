"""What a source has of a model: its files, sorted into quantizations by their names."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from localqwq.gguf.split import parse_part_name
from localqwq.packs.download.transfer import Resource
from localqwq.packs.manifest import MANIFEST_NAME, MAX_FILE_BYTES, Manifest

_QUANT = re.compile(
    r"(?:^|[-._/])((?:UD[-_])?(?:I?Q[1-8]|TQ[12])_[0-9A-Z]+(?:_[A-Z0-9]+)*|BF16|FP?16|FP?32|MXFP4)"
    r"(?=$|[-._/])"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
UNNAMED = "GGUF"
"""What a quantization is called as long as neither a file's name nor its header has named it."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a source has."""

    path: str
    """Where it is in the source; never where it goes."""
    bytes: int
    sha256: str | None
    """What it must hash to; ``None`` where the source does not say."""
    place: Resource | Path
    """Where to get it: over HTTP, or from a folder of this machine."""
    version: str = ""
    """What else tells this content from another, such as an ETag."""
    otherwise: Resource | None = None
    """Where to get it if a file of this machine turns out to be damaged."""

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def identity(self) -> str:
        """The same for the same content, wherever it comes from, if a checksum is known.

        Without one it is the same for the same name: `version` may differ per mirror.
        """
        return f"{self.bytes} {self.sha256 or self.path}"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source has, at one moment."""

    label: str
    """What people call the source: ``Hugging Face``."""
    source: str
    """The repository's id, a URL or a folder's name."""
    revision: str | None
    """Commit, where the source has such."""
    quants: dict[str, tuple[RemoteFile, ...]] = field(repr=False)
    """Files of each quantization, the first part first; the largest quantization first."""
    manifest: Manifest | None = None
    """The pack's own, if it has one."""
    problems: dict[str, str] = field(default_factory=dict, repr=False)
    """Quantizations that cannot be had, and why: a clause for people."""
    notes: tuple[str, ...] = ()
    """What people should know of it, a sentence each."""

    def bytes(self, quant: str) -> int:
        """Size of a quantization's files."""
        return sum(file.bytes for file in self.quants[quant])


class Source(Protocol):
    """Somewhere that has models."""

    @property
    def label(self) -> str:
        """What people call it: ``Hugging Face``."""

    def listing(self, wanted: Callable[[str], bool]) -> Listing:
        """What it has of the files whose path is ``wanted``.

        Raises:
            SourceFailed: it has nothing, or refuses.
            Interrupted: it cannot be reached now.
        """


def quant_of(path: str) -> str | None:
    """The quantization that a path names, such as ``Q4_K_M``; the last word that can be one."""
    stem = path.removesuffix(".gguf").upper()
    found = _QUANT.findall(stem)
    if not found:
        return None
    quant = str(found[-1]).replace("-", "_")
    return {"FP16": "F16", "FP32": "F32"}.get(quant, quant)


def sorted_quants(files: Iterable[RemoteFile]) -> dict[str, tuple[RemoteFile, ...]]:
    """Files by quantization: one file each, or all parts of a split model.

    Of two sets for a quantization the one in a single file counts, then that with the shorter
    name. Incomplete splits, projectors of images and files of absurd sizes are left out.
    """
    sets: dict[tuple[str, str], list[RemoteFile]] = {}
    for file in files:
        quant = quant_of(file.path)
        if quant is None or not 0 < file.bytes <= MAX_FILE_BYTES or not _is_model(file.name):
            continue
        part = parse_part_name(file.name)
        stem = file.path.removesuffix(file.name) + (part[0] if part else file.name)
        sets.setdefault((quant, stem), []).append(file)
    chosen: dict[str, tuple[RemoteFile, ...]] = {}
    for (quant, _), found in sorted(sets.items(), key=lambda item: (len(item[1]), item[0])):
        parts = sorted(found, key=lambda file: file.name)
        if quant not in chosen and _is_whole([file.name for file in parts]):
            chosen[quant] = tuple(parts)
    by_size = sorted(chosen, key=lambda quant: -sum(file.bytes for file in chosen[quant]))
    return {quant: chosen[quant] for quant in by_size}


def described_quants(
    manifest: Manifest, files: Iterable[RemoteFile]
) -> tuple[dict[str, tuple[RemoteFile, ...]], dict[str, str]]:
    """Return files by quantization as a pack's manifest says, and what is wrong with the others.

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
                problems[quant] = f"holds another {known.path} than its {MANIFEST_NAME} says"
            else:
                parts.append(replace(file, sha256=known.sha256))
        if quant not in problems:
            chosen[quant] = tuple(parts)
    return chosen, problems


def checksum(text: object) -> str | None:
    """A SHA-256 in lowercase hexadecimal digits, if that is what it is."""
    lower = text.lower() if isinstance(text, str) else ""
    return lower if _SHA256.fullmatch(lower) else None


def _is_model(name: str) -> bool:
    lower = name.lower()
    return (
        lower.endswith(".gguf") and not lower.startswith(("mmproj", ".")) and "imatrix" not in lower
    )


def _is_whole(names: Sequence[str]) -> bool:
    parts = [parse_part_name(name) for name in names]
    if None in parts:
        return len(names) == 1
    numbers = [part[1] for part in parts if part]
    counts = {part[2] for part in parts if part}
    return len(counts) == 1 and numbers == list(range(1, counts.pop() + 1))
