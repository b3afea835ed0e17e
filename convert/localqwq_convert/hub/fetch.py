"""Downloading checkpoints from the Hugging Face hub, with its own client, cache and login.

``huggingface_hub`` is imported by the functions that need it: it takes longer to load than
everything else here.
"""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Self

from localqwq.errors import LocalqwqError
from localqwq.sizes import readable_size
from localqwq_convert.hub.errors import sentence
from localqwq_convert.hub.outline import outline

WANTED = (
    "config.json",
    "adapter_config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.*",
    "*.safetensors",
    "*.safetensors.index.json",
    "README.md",
    "LICENSE*",
)
"""Patterns of the files that a conversion reads."""
UNWANTED = ("*/*", "consolidated*")
"""Patterns of files that match, but have the same weights in another format."""

_ID = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?", re.ASCII)

_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
}
"""Settings that the client reads when imported."""
_TIMEOUT_S = 30.0
"""Seconds that the hub may be silent."""
Progress = Callable[[int, int], None]
"""Called with the bytes received so far and the total."""


@dataclass(frozen=True, slots=True)
class HubId:
    """A repository on the hub at a revision."""

    repository: str
    """Owner and name: ``Qwen/QwQ-32B``."""
    revision: str
    """A branch, tag or commit."""

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"


@dataclass(frozen=True, slots=True)
class FetchedCheckpoint:
    """A checkpoint in the hub's cache."""

    directory: Path
    revision: str
    """Its commit."""


def parse_hub_id(text: str) -> HubId | None:
    """Return the meaning of ``owner/name`` or ``owner/name@revision``; ``None`` for other forms."""
    match = _ID.fullmatch(text)
    return HubId(match[1], match[2] or "main") if match else None


def fetch(hub_id: HubId, progress: Progress | None = None) -> FetchedCheckpoint:
    """Make sure a checkpoint is in the hub's cache.

    If the hub can be reached, it resolves the revision to a commit, and missing files are
    downloaded one by one: an interrupted download resumes with the file it was at. Otherwise a
    complete copy in the cache is enough.

    Raises:
        LocalqwqError: no such repository or revision, a gated one, no connection, or a full disk.
    """
    _quiet()
    try:
        return _fetch(hub_id, progress)
    except LocalqwqError:
        raise
    except Exception as error:  # the client raises its HTTP library's errors besides its own
        raise LocalqwqError(sentence(hub_id.repository, hub_id.revision, error)) from error


def _quiet() -> None:
    """Keep the client from drawing bars, and from reporting about this machine to the hub.

    With telemetry on, it also asks for a list of programs that may have started it.
    """
    for variable, value in _QUIET.items():
        os.environ.setdefault(variable, value)


def fetch_headers(hub_id: HubId, directory: Path) -> FetchedCheckpoint:
    """Create a checkpoint without its weights in ``directory``: enough to plan a conversion.

    Small files are downloaded; of each shard only the header is, and the rest of the file is a
    hole. A complete copy in the hub's cache is used instead.

    Raises:
        LocalqwqError: as for :func:`fetch`.
    """
    _quiet()
    try:
        return _fetch(hub_id, None, directory)
    except LocalqwqError:
        raise
    except Exception as error:
        raise LocalqwqError(sentence(hub_id.repository, hub_id.revision, error)) from error


def _fetch(hub_id: HubId, progress: Progress | None, plan: Path | None = None) -> FetchedCheckpoint:
    from huggingface_hub import HfApi, snapshot_download

    try:
        info = HfApi().model_info(
            hub_id.repository, revision=hub_id.revision, files_metadata=True, timeout=_TIMEOUT_S
        )
    except Exception as error:
        return _cached(hub_id, error)
    files = {
        file.rfilename: file.size or 0 for file in info.siblings or () if _is_wanted(file.rfilename)
    }
    if not any(name.endswith(".safetensors") for name in files):
        raise LocalqwqError(
            f"{hub_id.repository} has no safetensors files on the hub, the only format that can "
            "be read without running code: choose another repository."
        )
    commit = info.sha or hub_id.revision
    missing = _missing(hub_id.repository, commit, files)
    if plan is not None and any(name.endswith(".safetensors") for name in missing):
        outline(hub_id.repository, commit, files, plan)
        return FetchedCheckpoint(plan, commit)
    _download(hub_id.repository, commit, missing, progress)
    # Everything is there; this records the revision's commit, for use without the hub.
    directory = snapshot_download(
        hub_id.repository, revision=hub_id.revision, allow_patterns=sorted(files)
    )
    return FetchedCheckpoint(Path(directory), Path(directory).name)


def _is_wanted(name: str) -> bool:
    return any(fnmatch(name, form) for form in WANTED) and not any(
        fnmatch(name, form) for form in UNWANTED
    )


def _cached(hub_id: HubId, reason: Exception) -> FetchedCheckpoint:
    """Return the copy in the cache; a failure is reported as the hub's error, which can be
    fixed.
    """
    from huggingface_hub import snapshot_download

    try:
        directory = snapshot_download(
            hub_id.repository,
            revision=hub_id.revision,
            allow_patterns=list(WANTED),
            ignore_patterns=list(UNWANTED),
            local_files_only=True,
        )
    except Exception:
        raise reason from None
    return FetchedCheckpoint(Path(directory), Path(directory).name)


def _missing(repository: str, commit: str, files: dict[str, int]) -> dict[str, int]:
    """Return the files that the cache lacks, with their sizes."""
    from huggingface_hub import try_to_load_from_cache

    return {
        name: size
        for name, size in files.items()
        if not isinstance(try_to_load_from_cache(repository, name, revision=commit), str)
    }


def _download(
    repository: str, commit: str, missing: dict[str, int], progress: Progress | None
) -> None:
    """Download missing files one at a time: Ctrl-C ends it at once and costs one file."""
    from huggingface_hub import hf_hub_download

    total = sum(missing.values())
    _check_room(repository, total)
    done = 0

    def count(more: int) -> None:
        nonlocal done
        # Bytes received again after a lost connection are not counted twice.
        done = min(done + more, total)
        if progress:
            progress(done, total)

    for name in sorted(missing, key=lambda name: missing[name]):
        hf_hub_download(repository, name, revision=commit, tqdm_class=_counting_bar(count))


def _counting_bar(count: Callable[[int], None]) -> type:
    """Return a progress bar for the client that draws nothing and reports the bytes on the disk."""

    class CountingBar:
        def __init__(self, *arguments: object, **options: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *exception: object) -> None:
            pass

        def update(self, more: float | None = 1) -> None:
            count(int(more or 0))

        def update_transfer(self, more: float | None = 1) -> None:
            """Ignore bytes that were received but are not on the disk yet."""

        def set_postfix_str(self, *arguments: object, **options: object) -> None:
            pass

        set_transfer_postfix_str = refresh = close = set_postfix_str

    return CountingBar


def _check_room(repository: str, needed: int) -> None:
    from huggingface_hub.constants import HF_HUB_CACHE

    cache = Path(HF_HUB_CACHE)
    present = next(path for path in (cache, *cache.absolute().parents) if path.exists())
    free = shutil.disk_usage(present).free
    if needed > free:
        raise LocalqwqError(
            f"{repository} needs {readable_size(needed)} more in {cache}, which has "
            f"{readable_size(free)} free: free some space, or set HF_HOME to a folder on another "
            "disk."
        )
