"""Which models a repository or folder has, from its files."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from localqwq.errors import FileProblem, LocalqwqError
from localqwq.packs.download.transfer import Resource, SourceFailed, request
from localqwq.packs.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest, read_manifest
from localqwq.packs.sources.listing import (
    UNNAMED,
    Listing,
    ModelFiles,
    RemoteFile,
    described_quants,
    in_order,
    model_files,
)
from localqwq.packs.sources.remote_header import peek

_MOST_LOOKS = 8
"""Maximum headers read to learn a quantization; each costs a request or two."""
_MOST_SHOWN = 6
_PREFIXES = {"Hugging Face": "hf:", "ModelScope": "ms:"}
"""The prefix of names on each hub, by the hub's label."""
_FORMAT = re.compile(rb"^\s*[\"']?format[\"']?\s*=", re.MULTILINE)


def listing_of(
    label: str,
    source: str,
    revision: str | None,
    files: Sequence[RemoteFile],
    manifest: Manifest | None = None,
    notes: Sequence[str] = (),
) -> Listing:
    """Return a repository's models: by its ``pack.toml`` if it has one, else by file names.

    A ``pack.toml`` that another program keeps there is left aside, with a note.

    Raises:
        SourceFailed: there is nothing, or the manifest is unusable.
        Interrupted: the manifest cannot be read now.
    """
    if manifest is None:
        place = next((file.place for file in files if file.path == MANIFEST_NAME), None)
        try:
            manifest = manifest_of(place) if place is not None else None
        except NoManifest as found:
            notes = [*notes, f"{source}: {found}, so it is ignored."]
    if manifest is not None:
        quants, problems = described_quants(manifest, files)
        listing = Listing(label, source, revision, quants, manifest, problems)
    else:
        listing = _named(label, source, revision, files)
    if not listing.quants:
        problem = next(iter(listing.problems.values()), "has no GGUF files of a model")
        raise SourceFailed(f"{source} {problem}")
    return replace(listing, notes=tuple(notes))


def _named(label: str, source: str, revision: str | None, files: Sequence[RemoteFile]) -> Listing:
    """Return a listing by file names, and by headers where names state no quantization."""
    found = model_files(files)
    found += _looked_at([found.pop(at) for at in _unnamed(found)], alone=not found)
    examples: dict[str, str] = {}
    quants: dict[str, tuple[RemoteFile, ...]] = {}
    problems: dict[str, str] = {}
    owners: dict[str, str] = {}
    for one in found:
        quant = str(one.quant)
        examples.setdefault(one.model, one.files[0].path)
        if owners.setdefault(quant, one.model) != one.model:
            first = quants[quant][0].path
            asked = which(label, source, (first, one.files[0].path))
            problems[quant] = f"has {quant} files of several models: {asked}"
        quants.setdefault(quant, one.files)
    several = tuple(examples.values()) if len(examples) > 1 else ()
    return Listing(label, source, revision, in_order(quants), None, problems, several)


def _unnamed(found: Sequence[ModelFiles]) -> list[int]:
    """Return the indices of models whose names state no quantization, last first."""
    return [at for at in reversed(range(len(found))) if found[at].quant is None]


def _looked_at(unnamed: Sequence[ModelFiles], *, alone: bool) -> list[ModelFiles]:
    """Return the models with the quantization from their headers.

    Unreadable ones are left out, unless there is nothing else.
    """
    named = []
    for one in unnamed[:_MOST_LOOKS]:
        try:
            facts = peek(one.files)
        except LocalqwqError as error:
            if alone and len(unnamed) == 1:
                raise SourceFailed(str(error)) from error
            continue
        if facts is not None:
            named.append(replace(one, quant=facts.quant))
        elif alone and len(unnamed) == 1:
            named.append(replace(one, quant=UNNAMED))
    return named


def which(label: str, source: str, paths: Sequence[str]) -> str:
    """Return a clause that asks the user to choose one of several files of a source."""
    shown = [
        f"{_PREFIXES.get(label, '')}{source}/{ascii(path)[1:-1][:120]}"
        for path in paths[:_MOST_SHOWN]
    ]
    more = f" or one of {len(paths) - len(shown)} more" if len(paths) > len(shown) else ""
    return f"name the file you want ({' or '.join(shown)}{more})"


class NoManifest(SourceFailed):
    """A ``pack.toml`` of another program."""


def manifest_of(place: Resource | Path) -> Manifest:
    """Return the checked manifest at a place.

    Raises:
        NoManifest: it is another program's file.
        SourceFailed: it breaks a manifest's rules.
        Interrupted: it cannot be had now.
    """
    with TemporaryDirectory(prefix="localqwq-") as folder:
        copy = Path(folder, MANIFEST_NAME)
        if isinstance(place, Resource):
            with request(place) as answer:
                copy.write_bytes(answer.whole(MAX_MANIFEST_BYTES))
        else:
            copy.symlink_to(place)
        if not _says_format(copy):
            raise NoManifest(f"its {MANIFEST_NAME} is not a localqwq manifest")
        try:
            return read_manifest(copy.parent)
        except FileProblem as error:
            problem = error.problem.removesuffix(".")
            raise SourceFailed(f"its {MANIFEST_NAME} {problem}") from error


def _says_format(path: Path) -> bool:
    """Return whether a file states a format, as all manifests do and no other program's."""
    try:
        with path.open("rb") as stream:
            return _FORMAT.search(stream.read(MAX_MANIFEST_BYTES)) is not None
    except OSError:  # reading it will explain
        return True
