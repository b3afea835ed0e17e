"""The manifest of a download, from its headers, the catalogue and the source."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.header import read_header
from localqwq.gguf.vocabulary import expect_usable_vocabulary
from localqwq.packs.catalogue import Entry
from localqwq.packs.download.delivery import Delivered
from localqwq.packs.manifest import Manifest, PackFile, RopeScaling, first_problem
from localqwq.packs.sources.listing import UNNAMED, Listing
from localqwq.packs.store.header_statements import (
    stated_bases,
    stated_license,
    stated_sampling,
    stated_source,
)

_SCALINGS = ("linear", "yarn", "longrope")
"""llama.cpp's names for kinds of rope scaling."""
_TOLERANCE = 0.02
"""Relative tolerance: publishers count tensors differently and pad vocabularies."""


def describe(
    delivered: Sequence[Delivered], listing: Listing, name: str, quant: str, entry: Entry | None
) -> Manifest:
    """Return the manifest of a pack with exactly these files; their headers are read.

    Raises:
        LocalqwqError: the files are not a model that can be run, or not the expected one.
    """
    first = delivered[0].path
    facts = read_facts(first)
    expect_usable_vocabulary(first, read_header(first))
    if sum(file.bytes for file in delivered) != facts.bytes:
        raise LocalqwqError(f"{name}:{quant} is not one whole model: choose another source.")
    stated = {f.sha256: f.weights for f in listing.manifest.files} if listing.manifest else {}
    files = [
        PackFile(
            quant=facts.quant if quant == UNNAMED else quant,
            path=file.path.name,
            bytes=file.bytes,
            sha256=file.sha256,
            bits_per_weight=facts.bits_per_weight,
            weights=stated.get(file.sha256),
        )
        for file in delivered
    ]
    expect_described(facts, listing, name, entry)
    try:
        if listing.manifest is not None:
            figures = listing.manifest.figures.of({file.quant for file in files})
            values = dict(listing.manifest) | {"name": name, "files": files, "figures": figures}
            return Manifest.model_validate(values)
        return _made(listing, name, facts, first, files, entry)
    except ValidationError as error:
        raise LocalqwqError(
            f"The model at {listing.source} cannot be installed: {first_problem(error)}."
        ) from error


def expect_described(facts: ModelFacts, listing: Listing, name: str, entry: Entry | None) -> None:
    """Check that a model is the one described by the source's manifest, or else the catalogue.

    Raises:
        LocalqwqError: it is a different one.
    """
    manifest = listing.manifest
    if manifest is not None:
        if (facts.architecture, facts.parameters) != (manifest.architecture, manifest.parameters):
            raise LocalqwqError(
                f"The files at {listing.source} are not the model that its manifest describes: "
                "choose another source."
            )
    elif entry is not None and (
        facts.architecture != entry.architecture
        or abs(facts.parameters - entry.parameters) > _TOLERANCE * entry.parameters
    ):
        raise LocalqwqError(
            f"{listing.source} has a different model as {name} ({facts.name}, "
            f"{facts.parameters:,} parameters): choose another source with --from."
        )


def _made(
    listing: Listing,
    name: str,
    facts: ModelFacts,
    first: Path,
    files: list[PackFile],
    entry: Entry | None,
) -> Manifest:
    metadata = read_header(first).metadata
    scaled = facts.rope_scaling in _SCALINGS
    return Manifest(
        name=name,
        architecture=facts.architecture,
        parameters=facts.parameters,
        context=facts.longest_context,
        base_models=[entry.base_model] if entry else stated_bases(metadata),
        license=entry.license if entry else stated_license(metadata),
        source=(listing.source or stated_source(metadata) or "")[-200:],
        source_revision=listing.revision,
        rope=RopeScaling(
            type=facts.rope_scaling,
            factor=facts.rope_factor,
            original_context=facts.rope_original_context,
        )
        if scaled
        else None,
        sampling=dict(entry.sampling) if entry else stated_sampling(metadata),
        files=files,
    )
