"""The catalogue: models known to run here, and where to download their packs.

One TOML file per model: those that come with localqwq, and the user's own beside the settings or
the data, which replace shipped ones of the same name. Files are read on demand.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from localqwq.deferred_model import DeferredModel
from localqwq.errors import LocalqwqError
from localqwq.locations import catalogue_directories
from localqwq.packs.manifest import PackName, RopeScaling, first_problem

HubName = Literal["huggingface", "modelscope"]
_MAX_BYTES = 1 << 18
"""Far more than facts about a model take."""

_Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
_Quant = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,31}$")]
_OllamaName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*(:[a-z0-9._-]+)?$")]
_Tokens = Annotated[int, Field(gt=0, le=1 << 31)]
_SIMILAR, _MOST_SIMILAR = 0.75, 3
"""How similar a suggested name must be, and how many are suggested."""
REPOSITORY = r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,94}/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,94}"
"""``OWNER/NAME`` of a repository, as both hubs allow them."""


class _Strict(DeferredModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Origin(_Strict):
    """A repository that has the model's files."""

    hub: HubName
    repository: Annotated[str, StringConstraints(pattern=rf"^{REPOSITORY}$")]
    files: _Line = "*.gguf"
    """Pattern of its file names; case does not matter."""
    quants: Annotated[list[_Quant], Field(min_length=1, max_length=64)]
    """Quantizations offered from there, the largest first."""
    unchecked: bool = False
    """Whether the address could not be checked when the entry was written."""

    def matches(self, path: str) -> bool:
        """Return whether a path in the repository is one of the model's files, in whatever
        folder.
        """
        return fnmatchcase(path.rpartition("/")[2].lower(), self.files.lower())


class PublishedFigure(_Strict):
    """How often the model is right, as somebody published it of the unquantized checkpoint."""

    suite: _Line
    """The benchmark's name."""
    value: Annotated[float, Field(ge=0, le=100)]
    """Percent."""
    source: _Line
    """Who published it, and where."""


class Entry(_Strict):
    """A model in the catalogue."""

    format: Literal[1]
    name: PackName
    """The name of its pack."""
    title: _Line
    """The name that its makers use."""
    maker: _Line
    base_model: _Line
    """The checkpoint's repository on Hugging Face."""
    summary: _Line
    license: _Line
    """SPDX identifier, if there is one."""
    architecture: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    """Its name in llama.cpp."""
    parameters: Annotated[int, Field(gt=0, le=10**14)]
    context: _Tokens
    """Largest context in tokens, including rope scaling if the model supports it."""
    thinks: bool
    """Whether it thinks before it answers."""
    ollama: list[_OllamaName] = Field(default_factory=list)
    """The model's name in Ollama's library, such as ``qwq:32b``."""
    quirks: list[_Line] = Field(default_factory=list)
    """Unexpected behaviour of its chat template, and its makers' advice."""
    rope: RopeScaling | None = None
    sampling: dict[str, int | float] = Field(default_factory=dict, max_length=32)
    """Recommended sampling, under GGUF's names."""
    config: dict[str, JsonValue]
    """The parts of the checkpoint's ``config.json`` that determine memory."""
    bytes: dict[_Quant, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    """File sizes that are known exactly; others are computed."""
    figures: list[PublishedFigure] = Field(default_factory=list, max_length=64)
    """Published results of benchmarks."""
    origins: Annotated[list[Origin], Field(min_length=1, max_length=16)]
    """Where to get it, the best source first."""

    @model_validator(mode="after")
    def _known_sizes_are_offered(self) -> "Entry":
        if unknown := set(self.bytes) - set(self.quants):
            raise ValueError(f"bytes names quantizations that no origin has: {sorted(unknown)}")
        return self

    @property
    def quants(self) -> tuple[str, ...]:
        """All offered quantizations, each once, in the order of the origins."""
        return tuple(dict.fromkeys(quant for origin in self.origins for quant in origin.quants))

    def origins_of(self, quant: str) -> list[Origin]:
        """Return the origins of one quantization."""
        return [origin for origin in self.origins if quant in origin.quants]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries by name, and one sentence for each file that is not a valid entry."""

    entries: Mapping[str, Entry]
    problems: tuple[str, ...]


def read() -> Catalogue:
    """Return the whole catalogue; the user's entries replace those of the same name."""
    found: dict[str, Entry] = {}
    problems: list[str] = []
    for directory in catalogue_directories():
        if not directory.is_dir():
            continue
        for path in sorted(directory.glob("*.toml")):
            try:
                entry = read_entry(path)
            except LocalqwqError as error:
                problems.append(str(error))
                continue
            found[entry.name] = entry
    ordered = sorted(found.values(), key=lambda entry: (not entry.thinks, -entry.parameters))
    return Catalogue({entry.name: entry for entry in ordered}, tuple(problems))


def entries() -> list[Entry]:
    """Return the catalogue's models: those that think first, then by size, the largest first."""
    return list(read().entries.values())


def find(name: str) -> Entry | None:
    """Return the entry with this name or title, ignoring case."""
    wanted = name.casefold()
    return next(
        (entry for entry in entries() if wanted in (entry.name.casefold(), entry.title.casefold())),
        None,
    )


def named(spec: str) -> tuple[Entry, str] | None:
    """Return the entry that ``NAME`` or ``NAME:QUANT`` means, and the quantization or "".

    Ollama's names of the same models work too: ``qwq:32b``, ``qwq:32b-q8_0``.
    """
    name, _, quant = spec.partition(":")
    if entry := find(name):
        return entry, quant
    wanted = spec.casefold().removeprefix("ollama:").removesuffix(":latest")
    every = ((known, entry) for entry in entries() for known in entry.ollama)
    for known, entry in sorted(every, key=lambda one: -len(one[0])):
        if wanted == known:
            return entry, ""
        if ":" in known and wanted.startswith(f"{known}-"):
            return entry, wanted.removeprefix(f"{known}-")
    return None


def similar(name: str) -> str:
    """Return suggestions for a mistyped name, such as ``qwen2.5-3b or qwen2.5-7b``; may be
    empty.
    """
    names = [entry.name for entry in entries()]
    whole = name.casefold().replace(":", "-")
    if whole in names:
        return whole
    for wanted in (whole, name.casefold().partition(":")[0]):
        close = get_close_matches(wanted, names, _MOST_SIMILAR, _SIMILAR)
        if close := close or [one for one in names if wanted and wanted in one]:
            *others, last = close[:_MOST_SIMILAR]
            return f"{', '.join(others)} or {last}" if others else last
    return ""


def nearest(name: str) -> str:
    """Return the names that are least unlike this one, such as ``qwen2.5-3b, qwq-32b and …``."""
    names = [entry.name for entry in entries()]
    *others, last = get_close_matches(name.casefold(), names, _MOST_SIMILAR, 0.0) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def read_entry(path: Path) -> Entry:
    """Return the entry in one file.

    Raises:
        LocalqwqError: it is not a valid entry; the sentence says why.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise LocalqwqError(f"{path} is too large for an entry of the catalogue: shorten it.")
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Entry.model_validate(values)
    except OSError as error:
        raise LocalqwqError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise LocalqwqError(f"{path} is not a catalogue entry: {problem}.") from error
