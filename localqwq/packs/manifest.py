"""The manifest of a pack: its GGUF files and their hashes.

A pack is one folder with ``pack.toml`` and the files named there. A manifest may come from
anywhere, so it is checked before use: its paths are plain file names, which cannot point outside
the folder, and its texts contain nothing that a terminal would obey.
"""

import contextlib
import os
import re
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import tomli_w
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from localqwq.deferred_model import DeferredModel
from localqwq.durable import sync
from localqwq.errors import FileProblem, LocalqwqError
from localqwq.gguf.split import parse_part_name
from localqwq.packs.figures import Figures
from localqwq.packs.printable import MAX_TEXT as MAX_TEXT
from localqwq.packs.printable import Text

MANIFEST_NAME = "pack.toml"
SUMS_NAME = "SHA256SUMS"
MAX_MANIFEST_BYTES = 1 << 20
"""Enough for hundreds of files and all that was measured of them."""
_MAX_DOTS = 200
"""Per line, and so per dotted key: the time of Python's parser grows with their square."""
MAX_FILE_BYTES = 1 << 44
"""16 TiB: more than any model that one machine could run."""
MAX_SAMPLING = 1_000_000_000
"""Beyond any value of a sampling parameter."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")
_QUANT = re.compile(r"[A-Z][A-Z0-9_]{1,31}")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,190}\.gguf")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")


def _form(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"is not {wanted}")
        return text

    return AfterValidator(check)


PackName = Annotated[str, _form(_NAME, "a name of letters, digits, '.', '-' and '_'")]
"""A name without separators, colons (used in ``name:QUANT``), and leading or trailing dots."""
_Tokens = Annotated[int, Field(gt=0, le=1 << 31)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Value = (
    Annotated[int, Field(ge=-MAX_SAMPLING, le=MAX_SAMPLING)]
    | Annotated[float, Field(ge=-MAX_SAMPLING, le=MAX_SAMPLING, allow_inf_nan=False)]
)


class _Checked(DeferredModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PackFile(_Checked):
    """One GGUF file of a pack: a whole model, or one part of a split one."""

    quant: Annotated[str, _form(_QUANT, "the name of a quantization")]
    """Quantization, such as ``Q4_K_M``; the same for all parts of a split model."""
    path: Annotated[str, _form(_FILE, "the plain name of a .gguf file")]
    """Its plain file name inside the pack's folder."""
    bytes: Annotated[int, Field(gt=0, le=MAX_FILE_BYTES)]
    sha256: Annotated[str, _form(_SHA256, "64 lowercase hexadecimal digits")]
    bits_per_weight: Annotated[_Number, Field(gt=0, le=64)]
    """Bits per weight of the whole model in this quantization."""
    weights: Annotated[str, _form(_SHA256, "64 lowercase hexadecimal digits")] | None = None
    """SHA-256 of the weights it was made from; ``None`` if not recorded."""


class RopeScaling(_Checked):
    """How positions are scaled beyond the trained context."""

    type: Annotated[str, _form(_KEY, "the name of a rope scaling")]
    """Its name in llama.cpp, such as ``yarn``."""
    factor: Annotated[_Number, Field(gt=0, le=1 << 20)]
    original_context: _Tokens
    """The trained context in tokens."""


class Manifest(_Checked):
    """The content of a pack's ``pack.toml``."""

    format: Literal[1] = 1
    name: PackName
    architecture: Annotated[str, _form(_ARCHITECTURE, "the name of an architecture")]
    """Its name in llama.cpp, such as ``qwen2``."""
    parameters: Annotated[int, Field(gt=0, le=10**14)]
    context: _Tokens
    """Largest context in tokens, including rope scaling if the model supports it."""
    base_models: list[Text] = Field(default_factory=list, max_length=16)
    """Models it was made from, as named in its model card."""
    license: Text | None = None
    """SPDX identifier, if there is one."""
    source: Text | None = None
    """The origin of the checkpoint: a hub id, or a folder's name."""
    source_revision: Text | None = None
    """Commit in the hub's repository."""
    converter: Text | None = None
    """Program and version that wrote the files."""
    rope: RopeScaling | None = None
    """Rope scaling; ``None`` if positions are not scaled."""
    sampling: dict[Annotated[str, _form(_KEY, "the name of a sampling parameter")], _Value] = Field(
        default_factory=dict, max_length=32
    )
    """Recommended sampling, under GGUF's names (``general.sampling.*``)."""
    files: Annotated[list[PackFile], Field(min_length=1, max_length=1024)]
    figures: Figures = Field(default_factory=Figures)
    """What was measured of the quantizations."""

    @field_validator("files")
    @classmethod
    def _whole_models(cls, files: list[PackFile]) -> list[PackFile]:
        # Case is ignored because some file systems ignore it.
        _refuse_duplicates(file.path.casefold() for file in files)
        for quant in dict.fromkeys(file.quant for file in files):
            _check_parts(quant, [file.path for file in files if file.quant == quant])
        if others_weights(files, files):
            raise ValueError("the files were made from different weights")
        return files

    @property
    def quants(self) -> list[str]:
        """Return the quantizations, each once, in the order of the files."""
        return list(dict.fromkeys(file.quant for file in self.files))

    def parts(self, quant: str) -> list[PackFile]:
        """Return the files of a quantization, ignoring case, the first part first.

        More than one for a split model; none for a quantization that the pack lacks.
        """
        wanted = quant.upper()
        return sorted(
            (file for file in self.files if file.quant == wanted), key=lambda file: file.path
        )

    def with_files(self, files: Sequence[PackFile], figures: Figures | None = None) -> Self:
        """Return this manifest with files added, replacing those of the same quantizations.

        ``figures``: what was measured of them. What is known of files that stay as they are is
        kept.
        """
        new = {file.quant for file in files}
        others = [known for known in self.files if known.quant not in new]
        whole = [*others, *files]
        joined = self.figures_of(whole).joined((figures or Figures()).of(new))
        changed = {"files": whole, "figures": joined}
        return type(self).model_validate({**dict(self), **changed})

    def figures_of(self, files: Iterable[PackFile]) -> Figures:
        """Return what was measured of the quantizations that ``files`` have unchanged."""
        sums: dict[str, set[str]] = {}
        for file in files:
            sums.setdefault(file.quant, set()).add(file.sha256)
        own = {quant: {file.sha256 for file in self.parts(quant)} for quant in self.quants}
        return self.figures.of({quant for quant in own if own[quant] == sums.get(quant)})

    def with_figures(self, figures: Figures) -> Self:
        """Return this manifest with what was measured of its quantizations."""
        return self.model_copy(update={"figures": self.figures.joined(figures).of(self.quants)})

    def limited(self, quants: Collection[str]) -> Self:
        """Return this manifest with at least one of its quantizations, and no others."""
        files = [file for file in self.files if file.quant in quants]
        return self.model_copy(update={"files": files, "figures": self.figures.of(quants)})

    def without(self, quant: str) -> Self | None:
        """Return this manifest without a quantization; ``None`` if nothing is left."""
        rest = [other for other in self.quants if other != quant]
        return self.limited(rest) if rest else None


def checked_name(text: str) -> str:
    """Return a user's name for a pack, if it is valid.

    Raises:
        LocalqwqError: a pack cannot have that name.
    """
    if not _NAME.fullmatch(text):
        raise LocalqwqError(
            f"{ascii(text)[1:-1][:80]} is not a name for a pack: use letters, digits, '.', '-' "
            "and '_'."
        )
    return text


def read_manifest(directory: Path) -> Manifest:
    """Return the checked manifest of the pack in ``directory``.

    Raises:
        LocalqwqError: there is none, or it breaks a rule; the sentence says which.
    """
    path = directory / MANIFEST_NAME
    if path.exists() and not path.is_file():  # opening a pipe would block
        raise FileProblem(path, "is not a plain file, so this is not a pack.")
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise FileProblem(path, f"cannot be read, so this is not a pack: {reason}.") from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise FileProblem(path, "is larger than a manifest may be (1 MiB).")
    if max(line.count(b".") for line in content.split(b"\n")) > _MAX_DOTS:
        raise FileProblem(path, "is not a valid manifest: it has a line with too many dots.")
    try:
        return Manifest.model_validate(tomllib.loads(content.decode("utf-8")))
    except ValidationError as error:
        raise FileProblem(path, f"is not a valid manifest: {first_problem(error)}.") from error
    except (ValueError, RecursionError) as error:
        raise FileProblem(path, "is not a valid manifest: it is not TOML.") from error


def write_manifest(directory: Path, manifest: Manifest) -> Path:
    """Write ``pack.toml`` into ``directory`` atomically.

    ``SHA256SUMS`` is written with it, for ``sha256sum -c`` and people without localqwq.

    Raises:
        LocalqwqError: the folder cannot be written to.
    """
    _replace(directory / SUMS_NAME, sums_text(manifest))
    path = directory / MANIFEST_NAME
    _replace(path, manifest_text(manifest))
    return path


def manifest_text(manifest: Manifest) -> str:
    """Return the ``pack.toml`` of this manifest."""
    document = manifest.model_dump(exclude_none=True)
    document["figures"] = {name: found for name, found in document["figures"].items() if found}
    if not document["figures"]:
        del document["figures"]
    return tomli_w.dumps(document)


def sums_text(manifest: Manifest) -> str:
    """Return the ``SHA256SUMS`` of this manifest."""
    return "".join(f"{file.sha256}  {file.path}\n" for file in manifest.files)


def _replace(path: Path, text: str) -> None:
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".pack-")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            sync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise LocalqwqError(f"Cannot write {path}: {error.strerror or error}.") from error


def others_weights(files: Iterable[PackFile], others: Iterable[PackFile]) -> bool:
    """Return whether some files are known to be made from other weights than some of ``others``."""
    known = [{file.weights for file in side if file.weights} for side in (files, others)]
    return all(known) and len(known[0] | known[1]) > 1


def _refuse_duplicates(paths: Iterable[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise ValueError(f"the file name {path} occurs twice")
        seen.add(path)


def _check_parts(quant: str, paths: Sequence[str]) -> None:
    """Check that the files of one quantization are one model: one file, or all parts of a split."""
    named = [parse_part_name(path) for path in paths]
    if len(paths) == 1 and named[0] is None:
        return
    parts = [part for part in named if part]
    if len(parts) < len(paths):
        raise ValueError(f"the quantization {quant} occurs twice")
    if len({(stem, count) for stem, _, count in parts}) > 1:
        raise ValueError(f"the files of {quant} are not the parts of one split model")
    count = parts[0][2]
    if sorted(number for _, number, _ in parts) != list(range(1, count + 1)):
        raise ValueError(f"{quant} should have parts 1 to {count} but has {len(paths)} files")


def first_problem(error: ValidationError) -> str:
    """Return a clause about the first broken rule, without the offending input's text."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # Unknown keys are foreign text: shown escaped and shortened.
    place = ".".join(
        part.encode("unicode_escape").decode()[:60] if isinstance(part, str) else str(part)
        for part in first["loc"]
    )
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
