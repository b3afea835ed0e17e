"""The manifest beside the converted files."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from localqwq.errors import LocalqwqError
from localqwq.packs.manifest import Manifest, PackFile, PackName, read_manifest, write_manifest
from localqwq_convert.report import Output


def check_name(name: str) -> None:
    """See that a pack may have this name.

    Raises:
        LocalqwqError: it may not; the sentence says which names there can be.
    """
    try:
        TypeAdapter(PackName).validate_python(name)
    except ValidationError as error:
        raise LocalqwqError(
            f"A pack cannot have the name {ascii(name)[:80]}: use --name with letters, digits, "
            "'.', '-' and '_'."
        ) from error


def record(
    directory: Path,
    *,
    name: str,
    architecture: str,
    parameters: int,
    context: int,
    license_name: str | None,
    source: str,
    outputs: Sequence[Output],
) -> None:
    """Write the manifest; files that earlier conversions of the same model made stay in it."""
    made = [
        PackFile(
            quant=output.quant,
            path=output.path.name,
            bytes=output.bytes,
            sha256=output.sha256 or "",
        )
        for output in outputs
    ]
    manifest = Manifest(
        name=name,
        architecture=architecture,
        parameters=parameters,
        context=context,
        license=license_name,
        source=source,
        files=made,
    )
    replaced = {file.quant for file in made} | {file.path.casefold() for file in made}
    kept = [
        file
        for file in _earlier(directory, manifest)
        if replaced.isdisjoint((file.quant, file.path.casefold()))
    ]
    write_manifest(directory, manifest.model_copy(update={"files": [*kept, *made]}))


def check_free_of_others(directory: Path, name: str) -> None:
    """See that ``directory`` is no other pack's.

    Raises:
        LocalqwqError: its manifest names another pack, which must not lose its files' entry.
    """
    try:
        known = read_manifest(directory)
    except LocalqwqError:
        return
    if known.name != name:
        raise LocalqwqError(
            f"{directory} holds the pack {known.name} already: choose another directory for {name}."
        )


def _earlier(directory: Path, manifest: Manifest) -> list[PackFile]:
    """Files of an existing manifest that describes the same model and that are still there."""
    try:
        known = read_manifest(directory)
    except LocalqwqError:
        return []
    if known.model_copy(update={"files": []}) != manifest.model_copy(update={"files": []}):
        return []
    return [file for file in known.files if (directory / file.path).is_file()]
