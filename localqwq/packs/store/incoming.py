"""A ``.gguf`` file or pack folder that is checked before it is installed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.header import read_header
from localqwq.gguf.split import parse_part_name, part_name, part_paths
from localqwq.gguf.vocabulary import expect_usable_vocabulary
from localqwq.packs.manifest import (
    MANIFEST_NAME,
    Manifest,
    PackFile,
    RopeScaling,
    checked_name,
    first_problem,
    others_weights,
    read_manifest,
)
from localqwq.packs.pack_names import pack_name as pack_name
from localqwq.packs.store.header_statements import (
    stated_bases,
    stated_license,
    stated_sampling,
    stated_source,
)
from localqwq.packs.store.other_programs import ForeignModel

_SCALINGS = ("linear", "yarn", "longrope")
"""llama.cpp's names for kinds of rope scaling."""


@dataclass(frozen=True, slots=True)
class Item:
    """One GGUF file to be installed."""

    source: Path
    file_name: str
    """Its name in the store."""
    quant: str
    bytes: int
    bits_per_weight: float
    sha256: str | None
    """Its expected SHA-256; ``None`` if unknown."""
    weights: str | None = None
    """SHA-256 of the weights it was made from, if its pack states it."""

    def checked(self, digest: str) -> PackFile:
        """Return its manifest entry, now that its SHA-256 is known.

        Raises:
            LocalqwqError: the hash is not the expected one.
        """
        if self.sha256 not in (None, digest):
            raise LocalqwqError(
                f"{self.source} is damaged: its SHA-256 does not match; download or convert it "
                "again."
            )
        return PackFile(
            quant=self.quant,
            path=self.file_name,
            bytes=self.bytes,
            sha256=digest,
            bits_per_weight=self.bits_per_weight,
            weights=self.weights,
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """A pack, or a part of one, to be installed."""

    name: str
    source: Path
    items: tuple[Item, ...]
    _describe: Callable[[list[PackFile]], Manifest]

    def manifest(self, files: list[PackFile]) -> Manifest:
        """Return the manifest of a pack with exactly these files.

        Raises:
            LocalqwqError: the files' metadata is not allowed in a manifest.
        """
        try:
            return self._describe(files)
        except ValidationError as error:
            raise LocalqwqError(
                f"{self.source} cannot be installed: {first_problem(error)}."
            ) from error


def incoming(path: Path, stem: str | None = None) -> Arrival:
    """Inspect a ``.gguf`` file or a pack's folder; headers are read, contents are not hashed.

    Args:
        path: the file, the first one of a split model, or the folder.
        stem: the name to use instead of the file's, or of the pack's own.

    Raises:
        LocalqwqError: it is neither, or cannot be run.
    """
    if (path / MANIFEST_NAME).exists():
        return _folder(path, checked_name(stem) if stem else None)
    if path.is_file():
        return _file(path, stem)
    if not path.exists():
        raise LocalqwqError(f"There is no file or folder {path}.")
    if (path / "config.json").exists():
        raise LocalqwqError(
            f"{path} is a checkpoint: make a pack of it with `localqwq convert {path} -o DIR`."
        )
    raise LocalqwqError(
        f"{path} is not a pack: it has no {MANIFEST_NAME}; name a .gguf file in it."
    )


def adopted(model: ForeignModel) -> Arrival:
    """Inspect a model of another program.

    Raises:
        LocalqwqError: it cannot be run.
    """
    arrival = incoming(model.path, model.stem)
    if model.sha256 is None:
        return arrival
    return replace(arrival, items=(replace(arrival.items[0], sha256=model.sha256),))


def merged(known: Manifest, arriving: Manifest) -> Manifest:
    """Return the manifest of an installed pack with the arriving files added.

    Raises:
        LocalqwqError: they are different models, or differ in a file that both have.
    """
    shape = arriving.architecture, arriving.parameters
    replaced = set(arriving.quants)
    staying = [file for file in known.files if file.quant not in replaced]
    if others_weights(staying, arriving.files):
        raise _collision(f"A pack named {known.name} with other weights", known.name)
    for quant in arriving.quants:
        new = arriving.parts(quant)
        expect_mergeable(known, quant, [file.sha256 for file in new], shape)
        try:
            known = known.with_files(new, arriving.figures)
        except ValidationError as error:
            raise LocalqwqError(
                f"A file of {known.name}:{quant} has the same name as another file in the pack: "
                "rename it."
            ) from error
    return known


def expect_mergeable(
    known: Manifest, quant: str, sums: Sequence[str | None], shape: tuple[str, int] | None
) -> None:
    """Check that an installed pack may accept a quantization, as far as known.

    Args:
        known: the pack's manifest.
        quant: the quantization.
        sums: the SHA-256 of its files; None if unknown.
        shape: architecture and parameters of the model; None if unknown.

    Raises:
        LocalqwqError: it is a different model, or has different files.
    """
    if shape not in (None, (known.architecture, known.parameters)):
        raise _collision(f"A different model named {known.name}", known.name)
    present = [file.sha256 for file in known.parts(quant)]
    if present and (
        len(present) != len(sums)
        or any(new not in (None, old) for new, old in zip(sums, present, strict=True))
    ):
        raise _collision(f"A different {known.name}:{quant}", f"{known.name}:{quant}")


def _collision(what: str, spec: str) -> LocalqwqError:
    return LocalqwqError(
        f"{what} is installed: `localqwq models remove {spec}` first, or give the new one another "
        "name with --name."
    )


def _folder(directory: Path, name: str | None) -> Arrival:
    manifest = read_manifest(directory)
    if name is not None:
        manifest = manifest.model_copy(update={"name": name})
    for quant in manifest.quants:
        _check_folder(directory, manifest, quant)
    return Arrival(
        name=manifest.name,
        source=directory,
        items=tuple(
            Item(
                directory / file.path,
                file.path,
                file.quant,
                file.bytes,
                file.bits_per_weight,
                file.sha256,
                file.weights,
            )
            for file in manifest.files
        ),
        _describe=lambda files: manifest.model_copy(update={"files": files}),
    )


def _check_folder(directory: Path, manifest: Manifest, quant: str) -> None:
    """Check that a quantization's files exist and have the sizes in the manifest."""
    parts = manifest.parts(quant)
    for file in parts:
        path = directory / file.path
        if not path.is_file():
            raise LocalqwqError(f"{directory} is incomplete: {file.path} is missing.")
        if path.stat().st_size != file.bytes:
            raise _other_file(path)
    first = directory / parts[0].path
    facts = read_facts(first)
    expect_usable_vocabulary(first, read_header(first))
    total = sum(file.bytes for file in parts)
    if (facts.bytes, facts.architecture) != (total, manifest.architecture):
        raise _other_file(facts.path)


def _other_file(path: Path) -> LocalqwqError:
    return LocalqwqError(
        f"{path} is not the file that {MANIFEST_NAME} describes; download or convert it again."
    )


def _file(path: Path, stem: str | None) -> Arrival:
    facts = read_facts(path)
    if not facts.parameters:
        raise LocalqwqError(f"{path} has no weights: download or convert it again.")
    header = read_header(path)
    expect_usable_vocabulary(path, header)
    sources = part_paths(path, header)
    split = parse_part_name(path.name) if len(sources) > 1 else None
    name = pack_name(stem or (split[0] if split else path.stem), facts.quant)
    count = len(sources)
    items = tuple(
        Item(
            source,
            _file_name(f"{name}-{facts.quant}", number, count),
            facts.quant,
            source.stat().st_size,
            facts.bits_per_weight,
            None,
        )
        for number, source in enumerate(sources, start=1)
    )
    describe = partial(_manifest_of, facts, header.metadata, name)
    return Arrival(name, path, items, describe)


def _file_name(stem: str, number: int, count: int) -> str:
    return part_name(stem, number, count) if count > 1 else f"{stem}.gguf"


def _manifest_of(
    facts: ModelFacts, metadata: Mapping[str, Any], name: str, files: list[PackFile]
) -> Manifest:
    scaled = facts.rope_scaling in _SCALINGS
    return Manifest(
        name=name,
        architecture=facts.architecture,
        parameters=facts.parameters,
        context=facts.longest_context,
        base_models=stated_bases(metadata),
        license=stated_license(metadata),
        source=stated_source(metadata),
        sampling=stated_sampling(metadata),
        rope=RopeScaling(
            type=facts.rope_scaling,
            factor=facts.rope_factor,
            original_context=facts.rope_original_context,
        )
        if scaled
        else None,
        files=files,
    )
