"""Which models a person wants measured, and against which reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localqwq.gguf.facts import read_facts
from localqwq.locations import expanded, packs_directory
from localqwq.models.spec import ResolvedModel, is_path, resolve
from localqwq.packs.manifest import MANIFEST_NAME, read_manifest
from localqwq.packs.picture import Point
from localqwq.packs.store.store import Store
from localqwq.quality.measuring import Candidate, Measured


@dataclass(frozen=True, slots=True)
class Subjects:
    """Models to measure."""

    name: str
    """Of all together, for titles."""
    candidates: tuple[Candidate, ...]
    """The most precise one first."""
    reference: Candidate | None
    """What they are compared with; None if there is nothing."""
    folder: Path | None = None
    """The folder of the pack whose quantizations they are."""

    @property
    def shows_reference(self) -> bool:
        """Whether the reference is one of those that are asked about."""
        return self.reference in self.candidates

    def points(self, measured: Sequence[Measured]) -> list[Point]:
        """Return what a picture shows of them."""
        return [
            Point(
                one.candidate.resolved.quant,
                read_facts(one.candidate.resolved.path).bytes,
                one.summary.divergence.mean.value,
            )
            for one in measured
            if one.summary.divergence is not None and one.candidate.rope_factor in (None, 1)
        ]


def subjects(spec: str, against: str | None, factors: Sequence[float]) -> Subjects:
    """Return what the words of a command mean.

    Args:
        spec: a model, the name of a pack, or its folder.
        against: the reference; None for the most precise of several.
        factors: by how much YaRN stretches positions; none for what is usual.

    Raises:
        LocalqwqError: there is no such model.
    """
    name, folder, models = _models(spec)
    models = sorted(models, key=lambda one: read_facts(one.path).bits_per_weight, reverse=True)
    stretched = factors or (None,)
    candidates = tuple(Candidate(model, factor) for model in models for factor in stretched)
    reference = Candidate(resolve(against)) if against is not None else None
    if reference is not None:
        same = [one for one in candidates if one.resolved.path == reference.resolved.path]
        reference = same[0] if same and not factors else reference
    elif len(candidates) > 1:
        reference = min(candidates, key=lambda one: (one.rope_factor or 1, candidates.index(one)))
    return Subjects(name, candidates, reference, folder)


def _models(spec: str) -> tuple[str, Path | None, list[ResolvedModel]]:
    """Return the name, the folder of the pack, and the models that are meant."""
    folder = expanded(spec)
    if (folder / MANIFEST_NAME).is_file():
        manifest = read_manifest(folder)
        return (
            manifest.name,
            folder,
            [
                ResolvedModel(folder / manifest.parts(quant)[0].path, manifest.name, quant)
                for quant in manifest.quants
            ],
        )
    first = resolve(spec)
    if is_path(spec) or not first.path.is_relative_to(packs_directory()):
        return first.spec, None, [first]
    store = Store(packs_directory())
    folder = store.root / first.name
    if ":" in spec:
        return first.spec, folder, [first]
    models = store.matching(first.name)
    return first.name, folder, [ResolvedModel(one.path, one.name, one.quant) for one in models]
