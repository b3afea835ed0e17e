"""Problems that others published: found in a folder, or fetched when that is asked for."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.evals.problem import Problem
from localqwq.packs.download.chunks import journal_path
from localqwq.packs.download.file_download import Download
from localqwq.packs.download.meter import Meter, Progress
from localqwq.packs.download.transfer import Interrupted, Resource, SourceFailed, request
from localqwq.packs.sources.listing import RemoteFile
from localqwq.sizes import readable_size
from localqwq.verdicts.numerals import number

MAKERS = "https://raw.githubusercontent.com/QwenLM/QwQ/main/eval/data"
"""Where QwQ's makers publish what they evaluate with."""
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of problems: JSON objects with ``prompt`` and ``answer``, one a line."""

    name: str
    sha256: str
    licence: str
    base: str = MAKERS
    """The address that it lies below."""
    about: str = ""
    """What it is called; empty for its name."""
    bytes: int = 0
    """The size of a file that is downloaded in parts; 0 for a small one."""

    @property
    def url(self) -> str:
        """Where it is fetched from."""
        return f"{self.base}/{self.name}"


def _nothing(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Data:
    """Where published problems are."""

    cache: Path
    folder: Path | None = None
    """Where the user has them."""
    fetch: bool = False
    """Whether they may be fetched."""
    on_progress: Callable[[Progress], None] | None = None
    """Called while a large file is fetched."""
    say: Callable[[str], object] = _nothing
    """Called with what is to be known about the problems, a sentence each."""


def located(file: DataFile, cache: Path, folder: Path | None, *, fetch: bool) -> Path:
    """Return the path of a file's checked copy: in ``folder`` if given, else in ``cache``.

    Raises ``LocalqwqError`` if it is not there and may not be fetched, or is another version.
    """
    path = (folder or cache) / file.name
    if path.is_file():
        _check(file, path.read_bytes(), str(path))
        return path
    if folder is not None:
        raise LocalqwqError(f"{folder} has no {file.name}; it is published at {file.url}.")
    if not fetch:
        raise LocalqwqError(
            f"The problems of {file.about or path.stem} are not on this machine: --fetch gets them "
            f"from {file.url} ({file.licence}), or --data FOLDER names where they are."
        )
    try:
        with request(Resource(file.url)) as answer:
            content = answer.whole(_MOST_BYTES)
    except (Interrupted, SourceFailed) as error:
        raise LocalqwqError(f"{file.name} could not be fetched: {error}.") from None
    _check(file, content, file.url)
    cache.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_bytes(content)
    draft.replace(path)
    return path


def fetched(
    files: Sequence[DataFile], folder: Path, on_progress: Callable[[Progress], None] | None
) -> list[Path]:
    """Return the paths of large files, which are downloaded to ``folder`` unless they are there.

    A download that was interrupted goes on. Raises ``LocalqwqError`` if one fails, or if there is
    no room for all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    needed = sum(file.bytes - _held(folder / file.name) for file in files)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise LocalqwqError(
            f"{readable_size(needed)} are to be downloaded to {folder}, whose disk has "
            f"{readable_size(free)} left: free some space, or set LOCALQWQ_CACHE_DIR to a folder "
            "on another disk."
        )
    return [_fetched(file, folder / file.name, on_progress) for file in files]


def _held(path: Path) -> int:
    """Return the bytes of a download that are on the disk."""
    partial = _partial(path)
    return sum(one.stat().st_blocks * 512 for one in (path, partial) if one.is_file())


def _fetched(file: DataFile, path: Path, on_progress: Callable[[Progress], None] | None) -> Path:
    if path.is_file():
        return path
    partial = _partial(path)
    remote = RemoteFile(file.name, file.bytes, file.sha256, Resource(file.url))
    meter = Meter(file.name, on_progress)
    meter.begin(file.name, file.base, file.bytes)
    try:
        Download(remote, partial, meter, threading.Event()).run()
    except SourceFailed as error:
        raise LocalqwqError(f"{file.name} could not be fetched: {error}.") from None
    partial.replace(path)
    journal_path(partial).unlink(missing_ok=True)
    return path


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def problems(path: Path) -> Iterator[Problem]:
    """Yield the problems of a file; raises ``LocalqwqError`` for one without any.

    Each line is a JSON object with a ``prompt`` and an ``answer``, and an ``id`` if one is wanted.
    An answer that is a letter is a choice, a number an integer, anything else an expression.
    """
    count = 0
    for place, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            count += 1
            yield _problem(line, f"{path}, line {place}", str(place))
    if not count:
        raise LocalqwqError(f"{path} has no problems in it.")


def _problem(line: str, where: str, usual_id: str) -> Problem:
    try:
        found = json.loads(line)
        prompt, answer = str(found["prompt"]), str(found["answer"]).strip()
    except (ValueError, KeyError, TypeError):
        raise LocalqwqError(
            f'{where}: not a problem; it needs to be like {{"prompt": "…", "answer": "…"}}.'
        ) from None
    name = str(found.get("id", usual_id))
    if len(answer) == 1 and answer.isalpha() and answer.isascii():
        return Problem(name, prompt, answer.upper(), "choice")
    return Problem(name, prompt, answer, "expression" if number(answer) is None else "integer")


def _check(file: DataFile, content: bytes, where: str) -> None:
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise LocalqwqError(
            f"{where} is not the {file.name} that is known here: its SHA-256 differs. To use other "
            "problems, name the file instead of the suite."
        )
