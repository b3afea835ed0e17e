"""The manifest of the converted files."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from localqwq.errors import LocalqwqError
from localqwq.interruption import uninterrupted
from localqwq.packs.manifest import (
    MAX_SAMPLING,
    MAX_TEXT,
    Manifest,
    PackFile,
    PackName,
    first_problem,
    others_weights,
    read_manifest,
    write_manifest,
)
from localqwq.version import __version__
from localqwq_convert.notes import Note, silent
from localqwq_convert.report import Output
from localqwq_convert.settings import Setting, set_sampling
from localqwq_convert.source import Source


def check_name(name: str) -> None:
    """Check that a pack may have this name.

    Raises:
        LocalqwqError: it may not; the sentence says which names are allowed.
    """
    try:
        uninterrupted(lambda: TypeAdapter(PackName)).validate_python(name)
    except ValidationError as error:
        raise LocalqwqError(
            f"A pack cannot be named {ascii(name)[:80]}: use --name with letters, digits, '.', "
            "'-' and '_'."
        ) from error


def default_name(text: str) -> str:
    """Return the name of a checkpoint's pack, from that of its folder or repository."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")


def describe(
    model: Source,
    outputs: Sequence[Output],
    *,
    source: str,
    revision: str | None = None,
    weights: str | None = None,
    settings: Sequence[Setting] = (),
) -> Manifest:
    """Return the manifest of a pack of these files; unknown hashes are zeros.

    Args:
        model: the model of the files.
        outputs: the files.
        source: origin of the checkpoint.
        revision: its revision.
        weights: SHA-256 of its weights, once they have been read.
        settings: metadata set by the user.

    Raises:
        LocalqwqError: the checkpoint's own data is not allowed in a manifest.
    """
    described = model.description
    try:
        return Manifest(
            name=model.name,
            architecture=model.architecture,
            parameters=model.parameters,
            context=described.context,
            base_models=[_text(base) for base in described.base_models][:16],
            license=_text(described.license) if described.license else None,
            source=_text(source),
            source_revision=revision,
            converter=f"localqwq {__version__}",
            rope=described.rope,
            # An absurd value in a checkpoint is no reason to reject it.
            sampling={
                key: value
                for key, value in (described.sampling | set_sampling(settings)).items()
                if abs(value) <= MAX_SAMPLING
            },
            files=[
                PackFile(
                    quant=output.quant,
                    path=part.path.name,
                    bytes=part.bytes,
                    sha256=part.sha256 or "0" * 64,
                    bits_per_weight=output.bits_per_weight,
                    weights=weights,
                )
                for output in outputs
                for part in output.parts
            ],
        )
    except ValidationError as error:
        raise LocalqwqError(
            f"{model.origin} cannot be described in a manifest: {first_problem(error)}."
        ) from error


def of_the_same_pack(manifest: Manifest, source: Path, *, as_it_is: bool) -> Manifest:
    """Return ``manifest`` as that of the pack that the GGUF file ``source`` is part of.

    A file made from a pack's file is of the same model, so it may join the others.

    Args:
        manifest: manifest of the new files.
        source: the file that they were made from, or a checkpoint, which is not part of a pack.
        as_it_is: whether the files say the same about the model as ``source``.
    """
    try:
        known = read_manifest(source.parent)
        size = source.stat().st_size
    except (LocalqwqError, OSError):
        return manifest
    listed = next((f for f in known.files if (f.path, f.bytes) == (source.name, size)), None)
    if listed is None or known.architecture != manifest.architecture:
        return manifest
    files = [file.model_copy(update={"weights": listed.weights}) for file in manifest.files]
    update: dict[str, object] = {
        "files": files,
        "source": known.source,
        "source_revision": known.source_revision,
    }
    if as_it_is:
        update |= {"name": manifest.name, "converter": manifest.converter}
        update |= {"figures": manifest.figures}
        return known.model_copy(update=update)
    return manifest.model_copy(update=update)


def record(directory: Path, manifest: Manifest, note: Note = silent) -> None:
    """Write ``pack.toml`` and ``SHA256SUMS``.

    Files of the same model from earlier conversions stay in them; ``note`` is told about those of a
    different model, which are left out.

    Raises:
        LocalqwqError: the folder cannot be written to.
    """
    known = _known(directory)
    earlier = _earlier(directory, known, manifest, note) if known else []
    whole = manifest.model_copy(update={"files": [*earlier, *manifest.files]})
    write_manifest(directory, whole.with_figures(known.figures_of(whole.files)) if known else whole)


def _text(text: str) -> str:
    """Return what a manifest may contain of a model card's text."""
    return "".join(letter for letter in text if letter.isprintable())[:MAX_TEXT]


def check_free_of_others(directory: Path, name: str) -> None:
    """Check that ``directory`` does not belong to another pack.

    Raises:
        LocalqwqError: its manifest names another pack, whose files must stay listed.
    """
    known = _known(directory)
    if known is not None and known.name != name:
        raise LocalqwqError(
            f"{directory} holds the pack {known.name} already: choose another directory for {name}."
        )


def _known(directory: Path) -> Manifest | None:
    """Return the manifest in a folder, if there is one."""
    try:
        return read_manifest(directory)
    except LocalqwqError:
        return None


def _earlier(directory: Path, known: Manifest, manifest: Manifest, note: Note) -> list[PackFile]:
    """Return files of an existing manifest for the same model that still exist."""
    # The same model converted by another version is still the same model.
    varying = {"files", "converter", "figures"}
    is_same = known.model_dump(exclude=varying) == manifest.model_dump(exclude=varying)
    made = set(manifest.quants)
    names = {file.path.casefold() for file in manifest.files}
    kept = []
    for quant in known.quants:
        parts = known.parts(quant)
        whole = all((directory / file.path).is_file() for file in parts)
        if quant in made or not whole or not names.isdisjoint(f.path.casefold() for f in parts):
            continue
        if is_same and not others_weights(parts, manifest.files):
            kept += parts
            continue
        note(
            f"{parts[0].path} was made from a different checkpoint than the new files, so the "
            f"pack in {directory} leaves it out: convert {quant} again, or delete the file."
        )
    return kept
