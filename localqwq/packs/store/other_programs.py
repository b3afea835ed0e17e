"""Models that other programs on this computer have: Ollama's, LM Studio's and llama.cpp's.

They are found by those programs' folder layouts, and used in place. The content of such folders is
foreign data: names and sizes are checked like a manifest's.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from localqwq.gguf.split import parse_part_name, part_name
from localqwq.locations import expanded, home_directory

_MODEL_LAYER = "application/vnd.ollama.image.model"
_REGISTRY = ("registry.ollama.ai", "library")
"""The registry and namespace of Ollama's own models, omitted from their names."""
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MAX_MANIFEST_BYTES = 1 << 20
_MAX_FILES = 5000
"""Maximum number of files and folders to look at."""
_MAX_PATH = 4096
_PROJECTOR = "mmproj"
"""LM Studio keeps a model's image projector in a file of this name."""


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """A GGUF file of another program."""

    program: str
    """``Ollama``, ``LM Studio`` or ``llama.cpp``."""
    spec: str
    """Its name on the command line: ``ollama:qwq:32b``."""
    stem: str
    """A file name for it, without suffix: ``qwq-32b``."""
    path: Path
    """The file; the first one of a split model."""
    bytes: int
    """Size of all its files."""
    sha256: str | None = None
    """Its SHA-256 according to the program."""


def foreign_models() -> list[ForeignModel]:
    """Return all models of other programs whose files exist, sorted by program and name."""
    return [
        model
        for look, directories in (
            (_ollama, ollama_directories()),
            (_studio, studio_directories()),
            (_llama, llama_directories()),
        )
        for directory in directories
        for model in sorted(look(directory), key=lambda model: model.spec)
    ]


def find_foreign(text: str) -> ForeignModel | None:
    """Return the foreign model with this name or path."""
    path = expanded(text)
    return next(
        (
            model
            for model in foreign_models()
            if model.spec in (text, f"{text}:latest")
            or (path.exists() and path.samefile(model.path))
        ),
        None,
    )


def ollama_directories() -> list[Path]:
    """Return Ollama's model folders: ``OLLAMA_MODELS``, or its user's and its service's."""
    if chosen := os.environ.get("OLLAMA_MODELS"):
        return [expanded(chosen)]
    return [*_in_home(".ollama/models"), Path("/usr/share/ollama/.ollama/models")]


def studio_directories() -> list[Path]:
    """Return the folders of LM Studio's models, current and former; users can move both."""
    homes = _in_home(".lmstudio", ".cache/lm-studio")
    for pointer in _in_home(".lmstudio-home-pointer"):
        with suppress(OSError, ValueError):  # missing, or not text
            homes.insert(0, expanded(pointer.read_text(encoding="utf-8")[:_MAX_PATH].strip()))
    chosen = [path for home in homes if (path := _chosen_in_studio(home)) is not None]
    return list(dict.fromkeys([*chosen, *(home / "models" for home in homes)]))


def _chosen_in_studio(home: Path) -> Path | None:
    """Return the model folder named in LM Studio's settings."""
    path = home / "settings.json"
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            return None
        folder = json.loads(path.read_bytes())["downloadsFolder"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    usable = isinstance(folder, str) and 0 < len(folder) < _MAX_PATH and "\0" not in folder
    return expanded(folder) if usable else None


def llama_directories() -> list[Path]:
    """Return the folders where llama.cpp's own programs keep downloads of ``-hf``."""
    if chosen := os.environ.get("LLAMA_CACHE"):
        return [expanded(chosen)]
    if sys.platform == "darwin":
        return _in_home("Library/Caches/llama.cpp")
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return [Path(cache, "llama.cpp")]
    return _in_home(".cache/llama.cpp")


def _in_home(*names: str) -> list[Path]:
    home = home_directory()
    return [] if home is None else [home / name for name in names]


def gguf_files(directory: Path) -> list[Path]:
    """Return the models directly inside a folder: one file each, the first one of a split model."""
    return sorted(path for path in _entries(directory) if _is_model(path))


def _ollama(directory: Path) -> Iterator[ForeignModel]:
    manifests = directory / "manifests"
    for path in _files(manifests, depth=6):
        *owner, model, tag = path.relative_to(manifests).parts
        layer = _model_layer(path)
        if layer is None or not owner:
            continue
        digest, size = layer
        blob = directory / "blobs" / f"sha256-{digest}"
        if not _has_size(blob, size):
            continue
        if tuple(owner) == _REGISTRY:
            owner = []
        elif owner[0] == _REGISTRY[0]:
            owner = owner[1:]
        name = "/".join([*owner, f"{model}:{tag}"])
        stem = model if tag == "latest" else f"{model}-{tag}"
        if name.isprintable():
            yield ForeignModel("Ollama", f"ollama:{name}", stem, blob, size, digest)


def _model_layer(path: Path) -> tuple[str, int] | None:
    """Return SHA-256 and size of the only GGUF file that an Ollama manifest names."""
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            return None
        document: Any = json.loads(path.read_bytes())
        layers = [layer for layer in document["layers"] if layer["mediaType"] == _MODEL_LAYER]
        [(digest, size)] = [(layer["digest"], layer["size"]) for layer in layers]
        match = _DIGEST.fullmatch(digest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return (match[1], size) if match and isinstance(size, int) else None


def _studio(directory: Path) -> Iterator[ForeignModel]:
    return _laid_out(directory, 4, "LM Studio", "lmstudio")


def _llama(directory: Path) -> Iterator[ForeignModel]:
    return _laid_out(directory, 1, "llama.cpp", "llama.cpp")


def _laid_out(directory: Path, depth: int, program: str, prefix: str) -> Iterator[ForeignModel]:
    """Yield the models of a program that keeps files under their own names."""
    for path in _files(directory, depth):
        name = path.relative_to(directory).as_posix()
        if not _is_model(path) or not name.isprintable():
            continue
        try:
            size = sum(part.stat().st_size for part in _parts(path))
        except OSError:  # an incomplete download
            continue
        split = parse_part_name(path.name)
        stem = split[0] if split else path.stem
        yield ForeignModel(program, f"{prefix}:{name}", stem, path, size)


def _is_model(path: Path) -> bool:
    split = parse_part_name(path.name)
    first = split is None or split[1] == 1
    name = path.name.lower()
    return name.endswith(".gguf") and first and _PROJECTOR not in name and path.is_file()


def _parts(path: Path) -> list[Path]:
    split = parse_part_name(path.name)
    if split is None:
        return [path]
    stem, _, count = split
    return [path.with_name(part_name(stem, number, count)) for number in range(1, count + 1)]


def _files(directory: Path, depth: int) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, to a depth; links are followed."""
    waiting = [(directory, depth)]
    looked = 0
    while waiting and looked < _MAX_FILES:
        folder, left = waiting.pop()
        for path in _entries(folder):
            looked += 1
            if not path.is_dir():
                yield path
            elif left > 1:
                waiting.append((path, left - 1))


def _entries(directory: Path) -> list[Path]:
    try:
        return [
            path
            for path in islice(directory.iterdir(), _MAX_FILES)
            if not path.name.startswith(".")
        ]
    except OSError:  # missing, or not readable
        return []


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:
        return False
