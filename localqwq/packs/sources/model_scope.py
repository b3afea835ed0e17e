"""Repositories on ModelScope, by its public HTTP interface."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from localqwq.packs.download.transfer import Resource, SourceFailed, WebPage, request
from localqwq.packs.sources.listing import Listing, RemoteFile, checksum
from localqwq.packs.sources.repository import listing_of

_MAX_LISTING = 1 << 24
"""Maximum bytes of a list of files."""


@dataclass(frozen=True, slots=True)
class ModelScope:
    """A public repository on ModelScope."""

    repository: str
    revision: str | None = None
    """A branch or tag; None for the main branch."""
    label: str = "ModelScope"

    def listing(self, wanted: Callable[[str], bool]) -> Listing:
        """Implement ``Source.listing``."""
        files = [
            self._file(found)
            for found in self._files()
            if found.get("Type") == "blob" and wanted(str(found.get("Path")))
        ]
        return listing_of(self.label, self.repository, self.revision, files)

    def _files(self) -> list[dict[str, Any]]:
        query = urlencode({"Revision": self._branch, "Recursive": "true"})
        url = f"{self._api}/repo/files?{query}"
        try:
            with request(Resource(url)) as answer:
                if answer.is_page:
                    raise WebPage(answer.address)
                document = json.loads(answer.whole(_MAX_LISTING))
        except (ValueError, RecursionError) as error:
            raise SourceFailed(f"{endpoint()} sent no list of files") from error
        data = document.get("Data") if isinstance(document, dict) else None
        files = data.get("Files") if isinstance(data, dict) else None
        if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
            raise SourceFailed(f"there is no {self.repository} with a revision {self._branch}")
        return files

    def _file(self, found: dict[str, Any]) -> RemoteFile:
        path, size = str(found["Path"]), found.get("Size")
        query = urlencode({"Revision": self._branch, "FilePath": path})
        return RemoteFile(
            path=path,
            bytes=size if isinstance(size, int) else 0,
            sha256=checksum(found.get("Sha256")),
            place=Resource(f"{self._api}/repo?{query}"),
            version=str(found.get("Revision") or self._branch),
        )

    @property
    def _branch(self) -> str:
        return self.revision or "master"

    @property
    def _api(self) -> str:
        return f"{endpoint()}/api/v1/models/{quote(self.repository)}"


def endpoint() -> str:
    """Return ModelScope's address, from the variables that its own client reads."""
    scheme = os.environ.get("MODELSCOPE_URL_SCHEME", "https://")
    return f"{scheme}{os.environ.get('MODELSCOPE_DOMAIN', 'www.modelscope.cn')}"
