"""From the files of a repository, or of a folder, to what there is of a model."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from localqwq.errors import FileProblem
from localqwq.packs.download.transfer import Resource, SourceFailed, request
from localqwq.packs.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest, read_manifest
from localqwq.packs.sources.listing import Listing, RemoteFile, described_quants, sorted_quants


def listing_of(
    label: str,
    source: str,
    revision: str | None,
    files: Sequence[RemoteFile],
    manifest: Manifest | None = None,
) -> Listing:
    """What a repository has: as its ``pack.toml`` says if it has one, else as the names say.

    Raises:
        SourceFailed: there is nothing, or the manifest is of no use.
        Interrupted: the manifest cannot be had now.
    """
    if manifest is None:
        place = next((file.place for file in files if file.path == MANIFEST_NAME), None)
        manifest = manifest_of(place) if place is not None else None
    if manifest is None:
        quants = sorted_quants(files)
    else:
        try:
            quants = described_quants(manifest, files)
        except ValueError as error:
            raise SourceFailed(
                f"{source} holds another {error} than its {MANIFEST_NAME} says"
            ) from error
    if not quants:
        raise SourceFailed(f"{source} has no GGUF files whose names say a quantization")
    return Listing(label, source, revision, quants, manifest)


def manifest_of(place: Resource | Path) -> Manifest:
    """The checked manifest at a place.

    Raises:
        SourceFailed: it is none.
        Interrupted: it cannot be had now.
    """
    with TemporaryDirectory(prefix="localqwq-") as folder:
        copy = Path(folder, MANIFEST_NAME)
        if isinstance(place, Resource):
            with request(place) as answer:
                copy.write_bytes(answer.whole(MAX_MANIFEST_BYTES))
        else:
            copy.symlink_to(place)
        try:
            return read_manifest(copy.parent)
        except FileProblem as error:
            problem = error.problem.removesuffix(".")
            raise SourceFailed(f"its {MANIFEST_NAME} {problem}") from error
