"""Repositories on Hugging Face, asked about by its own client: its endpoint, its login, its cache.

``huggingface_hub`` is imported by the functions that need it: it takes longer to load than
everything else here.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.packs.download.addresses import Address
from localqwq.packs.download.transfer import (
    TIMEOUT_S,
    Interrupted,
    Resource,
    SourceFailed,
    WebPage,
    retry_after,
)
from localqwq.packs.sources.listing import Listing, RemoteFile, checksum
from localqwq.packs.sources.repository import listing_of

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
}
"""The client's settings; it reads them when it is imported. With telemetry on, it also asks for a
list of programs that may have started it."""
_BUSY = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """A repository on the hub that the client is set up for."""

    repository: str
    revision: str | None = None
    """A branch, a tag or a commit; the main branch without."""
    label: str = "Hugging Face"

    def listing(self, wanted: Callable[[str], bool]) -> Listing:
        """See ``Source.listing``. What the client's cache has is taken from there."""
        for variable, value in _QUIET.items():
            os.environ.setdefault(variable, value)
        info = self._info()
        files = [
            self._file(found, info.sha or "main")
            for found in info.siblings or ()
            if wanted(found.rfilename)
        ]
        notes = [
            f"{file.name} in the cache of the hub's own client is truncated: it is downloaded."
            for file, copy in files
            if copy and copy != file.place
        ]
        usable = [file for file, _ in files]
        return listing_of(self.label, self.repository, info.sha, usable, notes=notes)

    def _info(self) -> "ModelInfo":
        from huggingface_hub import HfApi, constants, errors

        try:
            return HfApi(_endpoint()).model_info(
                self.repository, revision=self.revision, files_metadata=True, timeout=TIMEOUT_S
            )
        except errors.GatedRepoError as error:
            raise SourceFailed(
                f"{self.repository} is gated (accept its terms on its page, then `hf auth login`)"
            ) from error
        except errors.RevisionNotFoundError as error:
            raise SourceFailed(f"{self.repository} has no revision {self.revision}") from error
        except errors.RepositoryNotFoundError as error:
            raise SourceFailed(
                f"there is no {self.repository}, or it is private (`hf auth login`)"
            ) from error
        except errors.HFValidationError as error:
            raise SourceFailed(f"{self.repository} is not the name of a repository") from error
        except errors.OfflineModeIsEnabled as error:
            raise SourceFailed("nothing is asked of it while HF_HUB_OFFLINE is set") from error
        except errors.HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in _BUSY:
                after = retry_after(error.response.headers.get("Retry-After", ""))
                raise Interrupted(f"the hub answers {status}", after) from error
            raise SourceFailed(f"the hub answers {status}") from error
        except ValueError as error:  # no JSON
            at = Address.of(_endpoint() or constants.ENDPOINT)
            raise WebPage(at) from error
        except Exception as error:  # the client raises its HTTP library's errors as they are
            at = Address.of(_endpoint() or constants.ENDPOINT)
            raise Interrupted(f"{at} cannot be reached") from error

    def _file(self, found: "RepoSibling", commit: str) -> tuple[RemoteFile, Path | None]:
        """Return a file, and the copy of it in the client's cache, whole or not."""
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


def _endpoint() -> str | None:
    """The client's own, as it is set up now and not when it was imported."""
    return os.environ.get("HF_ENDPOINT") or None
