"""The manifest of a pack: which GGUF files it holds, and what they must hash to.

A pack is one folder with ``pack.json`` and the files which that names. A manifest may come from
anywhere, so it is checked before use: the paths in it are plain file names, which cannot point
outside of the folder, and its texts hold nothing that a terminal would obey.
"""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from localqwq.errors import LocalqwqError

MANIFEST_NAME = "pack.json"
MAX_MANIFEST_BYTES = 1 << 20
"""Room for thousands of files; more is no manifest."""
MAX_FILE_BYTES = 1 << 44
"""16 TiB: beyond any model that one machine could run."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")
_QUANT = re.compile(r"[A-Z][A-Z0-9_]{1,31}")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,190}\.gguf")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _form(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"is not {wanted}")
        return text

    return AfterValidator(check)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds control characters")
    return text


PackName = Annotated[str, _form(_NAME, "a name of letters, digits, '.', '-' and '_'")]
"""No separator, no colon (that is for ``name:QUANT``), no leading or trailing dot."""
_Text = Annotated[str, StringConstraints(max_length=400), AfterValidator(_printable)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PackFile(_Checked):
    """One GGUF file of a pack."""

    quant: Annotated[str, _form(_QUANT, "the name of a quantization")]
    """Quantization, such as ``Q4_K_M``."""
    path: Annotated[str, _form(_FILE, "the plain name of a .gguf file")]
    """Its plain file name inside the pack's folder."""
    bytes: Annotated[int, Field(gt=0, le=MAX_FILE_BYTES)]
    sha256: Annotated[str, _form(_SHA256, "64 lowercase hexadecimal digits")]


class Manifest(_Checked):
    """What a pack's ``pack.json`` says."""

    format: Literal[1] = 1
    name: PackName
    architecture: Annotated[str, _form(_ARCHITECTURE, "the name of an architecture")]
    """llama.cpp's name for it, such as ``qwen2``."""
    parameters: Annotated[int, Field(gt=0, le=10**14)]
    context: Annotated[int, Field(gt=0, le=1 << 31)]
    """Largest context in tokens, with rope scaling where the model has it."""
    license: _Text | None = None
    """SPDX identifier where there is one."""
    source: _Text | None = None
    """Where the checkpoint came from."""
    files: Annotated[list[PackFile], Field(min_length=1, max_length=256)]

    @field_validator("files")
    @classmethod
    def _no_duplicates(cls, files: list[PackFile]) -> list[PackFile]:
        # Case is ignored because some file systems ignore it.
        _refuse_duplicates("file name", (file.path.casefold() for file in files))
        _refuse_duplicates("quantization", (file.quant for file in files))
        return files

    def file(self, quant: str) -> PackFile | None:
        """The file of a quantization, whatever the case it is written in."""
        wanted = quant.upper()
        return next((file for file in self.files if file.quant == wanted), None)

    def with_file(self, file: PackFile) -> Self:
        """The same manifest with this file added, or put in place of its quantization's."""
        others = [known for known in self.files if known.quant != file.quant]
        return type(self).model_validate({**dict(self), "files": [*others, file]})


def read_manifest(directory: Path) -> Manifest:
    """The checked manifest of the pack in ``directory``.

    Raises:
        LocalqwqError: there is none, or it breaks a rule; the sentence names the rule.
    """
    path = directory / MANIFEST_NAME
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise LocalqwqError(f"{directory} is no pack: {MANIFEST_NAME}: {reason}.") from error
    if len(text) > MAX_MANIFEST_BYTES:
        raise LocalqwqError(f"{path} is larger than a manifest may be (1 MiB).")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise LocalqwqError(f"{path} is not a valid manifest: {_first_problem(error)}.") from error


def write_manifest(directory: Path, manifest: Manifest) -> Path:
    """Write ``pack.json`` into ``directory`` so that a reader sees the old one or the new one.

    Raises:
        LocalqwqError: the folder cannot be written to.
    """
    path = directory / MANIFEST_NAME
    text = json.dumps(manifest.model_dump(), indent=2, ensure_ascii=False) + "\n"
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=directory, prefix=".pack-", suffix=".json")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise LocalqwqError(f"Cannot write {path}: {error.strerror or error}.") from error
    return path


def _refuse_duplicates(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {value} is there twice")
        seen.add(value)


def _first_problem(error: ValidationError) -> str:
    """One readable clause for the first broken rule, without the offending input's text."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # Unknown keys are the sender's own words: shown escaped, and not at any length.
    place = ".".join(
        part.encode("unicode_escape").decode()[:60] if isinstance(part, str) else str(part)
        for part in first["loc"]
    )
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
