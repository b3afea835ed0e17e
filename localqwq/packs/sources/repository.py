"""From the files of a repository, or of a folder, to what there is of a model."""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from localqwq.errors import FileProblem
from localqwq.packs.download.transfer import Resource, SourceFailed, request
from localqwq.packs.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest, read_manifest
from localqwq.packs.sources.listing import Listing, RemoteFile, described_quants, sorted_quants

_FORMAT = re.compile(rb"^\s*[\"']?format[\"']?\s*=", re.MULTILINE)


def listing_of(
    label: str,
    source: str,
    revision: str | None,
    files: Sequence[RemoteFile],
    manifest: Manifest | None = None,
    notes: Sequence[str] = (),
) -> Listing:
    """What a repository has: as its ``pack.toml`` says if it has one, else as the names say.

    A ``pack.toml`` that another program keeps there is left aside, with a note.

    Raises:
        SourceFailed: there is nothing, or the manifest is of no use.
        Interrupted: the manifest cannot be had now.
    """
    if manifest is None:
        place = next((file.place for file in files if file.path == MANIFEST_NAME), None)
        try:
            manifest = manifest_of(place) if place is not None else None
        except NoManifest as found:
            notes = [*notes, f"{source}: {found}, so it is ignored."]
    problems: dict[str, str] = {}
    if manifest is None:
        quants = sorted_quants(files)
    else:
        quants, problems = described_quants(manifest, files)
    if not quants:
        problem = next(iter(problems.values()), "has no GGUF files whose names say a quantization")
        raise SourceFailed(f"{source} {problem}")
    return Listing(label, source, revision, quants, manifest, problems, tuple(notes))


class NoManifest(SourceFailed):
    """A ``pack.toml`` that is another program's."""


def manifest_of(place: Resource | Path) -> Manifest:
    """The checked manifest at a place.

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
    """Return whether a file names a format, as all manifests do and no other program's."""
    try:
        with path.open("rb") as stream:
            return _FORMAT.search(stream.read(MAX_MANIFEST_BYTES)) is not None
    except OSError:  # which reading it will explain
        return True
