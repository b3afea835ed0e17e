"""Repositories on Hugging Face, by its own client with its endpoint, login and cache.

``huggingface_hub`` is imported by the functions that need it: it takes longer to load than
everything else here.
"""

import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.errors import causes
from localqwq.packs.download.addresses import Address
from localqwq.packs.download.certificates import adopt_other_programs
from localqwq.packs.download.proxies import name_in_no_proxy, proxy_for
from localqwq.packs.download.retry import wished_delay
from localqwq.packs.download.transfer import (
    BUSY,
    TIMEOUT_S,
    Interrupted,
    Offline,
    Resource,
    SourceFailed,
    UnknownCertificate,
    WebPage,
    is_offline,
)
from localqwq.packs.sources.listing import Listing, RemoteFile, checksum
from localqwq.packs.sources.repository import listing_of

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
}
"""Settings that the client reads when imported. With telemetry on, it also asks for a list of
programs that may have started it.
"""
_MOST_WORDS = 200
"""Maximum characters of the hub's own message."""


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """A repository on the hub that the client is configured for."""

    repository: str
    revision: str | None = None
    """A branch, tag or commit; None for the main branch."""
    label: str = "Hugging Face"

    def listing(self, wanted: Callable[[str], bool]) -> Listing:
        """Implement ``Source.listing``, using the client's cache if possible."""
        for variable, value in _QUIET.items():
            os.environ.setdefault(variable, value)
        info = self._info()
        files = [
            self._file(found, info.sha or "main")
            for found in info.siblings or ()
            if wanted(found.rfilename)
        ]
        notes = [
            (
                f"{file.name} in the cache of the hub's own client is truncated: downloading it "
                "instead."
            )
            for file, copy in files
            if copy and copy != file.place
        ]
        usable = [file for file, _ in files]
        return listing_of(self.label, self.repository, info.sha, usable, notes=notes)

    def _info(self) -> "ModelInfo":
        from huggingface_hub import HfApi

        adopt_other_programs()
        name_in_no_proxy(Address.of(_endpoint()).host)
        try:
            return HfApi(_endpoint()).model_info(
                self.repository, revision=self.revision, files_metadata=True, timeout=TIMEOUT_S
            )
        except Exception as error:  # the client raises its HTTP library's errors unchanged
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> Exception:
        """Return the failure that people see for an error of the client."""
        from huggingface_hub import errors

        match error:
            case errors.GatedRepoError():
                return SourceFailed(
                    f"{self.repository} is gated (accept its terms on its page, then `hf auth "
                    "login`)"
                )
            case errors.RevisionNotFoundError():
                return SourceFailed(f"{self.repository} has no revision {self.revision}")
            case errors.RepositoryNotFoundError():
                return SourceFailed(
                    f"there is no {self.repository}, or it is private (`hf auth login`)"
                )
            case errors.HFValidationError():
                return SourceFailed(f"{self.repository} is not a repository name")
            case errors.OfflineModeIsEnabled():
                return SourceFailed("it is not contacted while HF_HUB_OFFLINE is set")
            case errors.HfHubHTTPError():
                return _refusal(error)
            case _:
                return _unreached(error)

    def _file(self, found: "RepoSibling", commit: str) -> tuple[RemoteFile, Path | None]:
        """Return a file, and its copy in the client's cache, complete or not."""
        from huggingface_hub import get_token, hf_hub_url, try_to_load_from_cache

        cached = try_to_load_from_cache(self.repository, found.rfilename, revision=commit)
        url = hf_hub_url(self.repository, found.rfilename, revision=commit, endpoint=_endpoint())
        copy = Path(cached) if isinstance(cached, str) else None
        remote = Resource(url, get_token())
        size = found.size or 0
        whole = copy if copy is not None and copy.stat().st_size == size else None
        file = RemoteFile(
            path=found.rfilename,
            bytes=size,
            sha256=checksum(found.lfs.sha256) if found.lfs else None,
            place=whole or remote,
            version=found.blob_id or commit,
            otherwise=remote,
        )
        return file, copy


def _refusal(error: "HfHubHTTPError") -> Exception:
    """Return the failure that people see for an answer with a status."""
    status = error.response.status_code if error.response is not None else 0
    if status in BUSY:
        headers = error.response.headers
        after = wished_delay(headers.get("Retry-After"), headers.get("RateLimit"))
        return Interrupted(f"the hub answers {status}", after)
    words = ascii(" ".join((error.server_message or "").split()))[1:-1][:_MOST_WORDS]
    said = f": {words}" if words else ""
    if status == 401:
        return SourceFailed(
            f"the hub does not accept the token {_token_place()}{said} (`hf auth login` with a new "
            "one, or remove it)"
        )
    return SourceFailed(f"the hub answers {status}{said}")


def _unreached(error: Exception) -> Exception:
    """Return why the hub could not be reached or understood."""
    at = Address.of(_endpoint())
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes(error)):
        return UnknownCertificate(at)
    proxy = proxy_for(at)
    if proxy is not None and type(error).__name__ == "ProxyError":
        status = re.match(r"\d{3}", str(error))
        if status is not None:
            clause, passes = proxy.answer(at, int(status[0]))
            return Interrupted(clause) if passes else SourceFailed(clause)
    if proxy is not None and type(error).__name__ in ("ConnectError", "ProxyError"):
        return Interrupted(f"the proxy {proxy} cannot be reached or cannot reach {at}")
    if isinstance(error, ValueError):  # not JSON
        return WebPage(at)
    if any(map(is_offline, causes(error))):
        return Offline(at)
    return Interrupted(f"{at} cannot be reached")


def _token_place() -> str:
    """Return where the client found its token."""
    from huggingface_hub import constants

    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(variable):
            return f"in {variable}"
    return f"of `hf auth login` ({constants.HF_TOKEN_PATH})"


def _endpoint() -> str:
    """Return the client's endpoint as configured now, not at import; empty means the usual one."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT") or constants.ENDPOINT or "https://huggingface.co"
