"""Perplexity and divergence of models on this machine, one after the other."""

import hashlib
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from localqwq.children import Child
from localqwq.engine.probing.probe_child import reports
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.gguf.header import read_header
from localqwq.gguf.vocabulary import vocabulary_digest
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.spec import ResolvedModel
from localqwq.quality.chunks import CHUNK, PARALLEL, Tokens, chunk_count
from localqwq.quality.corpus import OnProgress, quality_directory
from localqwq.quality.divergence import SCORE
from localqwq.quality.launching import measuring_launch
from localqwq.quality.loading import model_key
from localqwq.quality.records import Records
from localqwq.quality.reference import SCORED, Form, form_for
from localqwq.quality.summary import Summary, summarize
from localqwq.sizes import readable_size


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to be measured."""

    resolved: ResolvedModel
    rope_factor: float | None = None
    """By how much YaRN stretches positions; None for what a chunk needs."""

    @property
    def name(self) -> str:
        """The model, and how its positions are stretched if that was chosen."""
        factor = "" if self.rope_factor is None else f", rope factor {self.rope_factor:g}"
        return f"{self.resolved.spec}{factor}"


@dataclass(frozen=True, slots=True)
class Reference:
    """The files of a reference's predictions, and their form."""

    candidate: Candidate
    path: Path
    identity: str
    form: Form


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found of one model on one text."""

    candidate: Candidate
    summary: Summary
    seconds: float
    """Of this run; less if a part was known."""
    computed: int
    """Tokens that were computed in that time."""


class Measurement:
    """Measures models on one text; what it found is kept, and never computed again."""

    def __init__(self, tokens: Tokens, options: LaunchOptions | None, folder: Path) -> None:
        """Set up; ``folder`` is for a temporary file."""
        self._options = options
        self._file = folder / "measured.npy"
        np.save(self._file, tokens, allow_pickle=False)
        self._tokens = tokens
        self._text = hashlib.sha256(f"{CHUNK} ".encode() + tokens.tobytes()).hexdigest()

    @property
    def chunks(self) -> int:
        """The number of chunks of the text."""
        return chunk_count(len(self._tokens))

    def form(self, candidate: Candidate, limit: int) -> Form:
        """Return how a reference's predictions are kept in at most ``limit`` bytes.

        Raises:
            LocalqwqError: they cannot.
        """
        return form_for(read_facts(candidate.resolved.path).vocabulary, self.chunks, limit)

    def keep_reference(
        self, candidate: Candidate, form: Form, on_progress: OnProgress
    ) -> tuple[Reference, Measured]:
        """Return the predictions of a reference, computed if need be, and its own figures.

        Raises:
            LocalqwqError: the model does not fit, or the disk has no room.
        """
        planned = measuring_launch(candidate.resolved, self._options, PARALLEL)
        identity = self._identity(planned, candidate, f"reference {form.words}")
        path = quality_directory() / f"reference-{identity[:32]}"
        reference = Reference(candidate, path, identity, form)
        needed, free = form.total(self.chunks), shutil.disk_usage(path.parent).free
        there = sum(one.stat().st_size for one in path.parent.glob(f"{path.name}.*"))
        if needed > free + there:
            raise LocalqwqError(
                f"The reference's predictions take {readable_size(needed)}, and {path.parent} has "
                f"{readable_size(free + there)} free: make room, use a smaller --reference-size, "
                "or set LOCALQWQ_CACHE_DIR."
            )
        return reference, self._run(candidate, planned, reference, on_progress, writes=True)

    def measure(
        self, candidate: Candidate, reference: Reference | None, on_progress: OnProgress
    ) -> Measured:
        """Return the figures of a model.

        Raises:
            LocalqwqError: it does not fit, or has another vocabulary than the reference.
        """
        if reference is not None:
            expect_same_vocabulary(candidate.resolved, reference.candidate.resolved)
        planned = measuring_launch(candidate.resolved, self._options, PARALLEL)
        return self._run(candidate, planned, reference, on_progress, writes=False)

    def _run(
        self,
        candidate: Candidate,
        planned: Launch,
        reference: Reference | None,
        on_progress: OnProgress,
        *,
        writes: bool,
    ) -> Measured:
        against = "" if reference is None or writes else reference.identity
        identity = self._identity(planned, candidate, f"scores {against}")
        scores = quality_directory() / f"scores-{identity[:32]}"
        order: dict[str, Any] = {
            "path": str(planned.model.absolute()),
            "load": asdict(planned.load),
            "tokens": str(self._file),
            "scores": str(scores),
            "identity": identity,
            "rope_factor": candidate.rope_factor,
        }
        if reference is not None:
            order |= {
                "reference": str(reference.path),
                "reference_identity": reference.identity,
                "vocabulary": reference.form.vocabulary,
                "words": reference.form.words,
                "writes": writes,
            }
        seconds, computed = 0.0, 0
        for at in reports(Child.SCORES, order):
            seconds += at["seconds"]
            computed = (at["done"] - at["before"]) * CHUNK
            on_progress(at["done"] * CHUNK, at["of"] * CHUNK, at["before"] * CHUNK)
        with Records(scores, identity, SCORED * SCORE.itemsize) as kept:
            found = np.frombuffer(b"".join(kept), SCORE)
        return Measured(candidate, summarize(found), seconds, computed)

    def _identity(self, planned: Launch, candidate: Candidate, what: str) -> str:
        key = model_key(planned.model, asdict(planned.load))
        text = f"{key} {self._text} {candidate.rope_factor} {what}"
        return hashlib.sha256(text.encode()).hexdigest()


def expect_same_vocabulary(one: ResolvedModel, other: ResolvedModel) -> None:
    """Raise :class:`LocalqwqError` if two models have different vocabularies.

    Their predictions could not be compared word by word.
    """
    first, second = (
        vocabulary_digest(model.path, read_header(model.path)) for model in (one, other)
    )
    if first != second:
        raise LocalqwqError(
            f"{one.spec} has another vocabulary than {other.spec}, so their predictions cannot be "
            "compared: name a reference of the same model family."
        )
