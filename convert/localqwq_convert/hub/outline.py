"""The outline of a checkpoint on the hub: everything except its weights.

Enough to plan a conversion of 65 GB after downloading a few megabytes.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq_convert.safetensors import MAX_HEADER

_TIMEOUT_S = 30.0
_PARTIAL_CONTENT = 206


def outline(repository: str, commit: str, files: Mapping[str, int], directory: Path) -> None:
    """Create ``files`` in ``directory``: of safetensors, their headers, with a hole for the rest.

    Raises:
        LocalqwqError: the hub does not serve parts of files.
        Exception: whatever the hub's client raises.
    """
    from huggingface_hub import hf_hub_download

    for name, size in files.items():
        if not name.endswith(".safetensors"):
            small = hf_hub_download(repository, name, revision=commit)
            shutil.copyfile(small, directory / name)
            continue
        with (directory / name).open("wb") as shard:
            shard.write(_header(repository, commit, name))
            shard.truncate(max(size, shard.tell()))


def _header(repository: str, commit: str, name: str) -> bytes:
    """Return a safetensors file up to its data, or less if it claims too much."""
    start = _part(repository, commit, name, 0, 8)
    length = min(int.from_bytes(start, "little"), MAX_HEADER)
    return start + _part(repository, commit, name, 8, 8 + length) if length else start


def _part(repository: str, commit: str, name: str, start: int, stop: int) -> bytes:
    from huggingface_hub import get_session, get_token, hf_hub_url

    headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
    if token := get_token():
        headers["Authorization"] = f"Bearer {token}"
    with get_session().stream(
        "GET",
        hf_hub_url(repository, name, revision=commit),
        headers=headers,
        follow_redirects=True,
        timeout=_TIMEOUT_S,
    ) as answer:
        answer.raise_for_status()
        if answer.status_code != _PARTIAL_CONTENT:
            raise LocalqwqError(
                f"The hub does not serve parts of {name}: run this without --dry-run."
            )
        return answer.read()
