"""Sources other than hubs: a plain URL, and a folder on this machine."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from localqwq.gguf.header import MAGIC
from localqwq.gguf.split import parse_part_name, part_name
from localqwq.packs.download.transfer import (
    Answer,
    LinkRefused,
    Refused,
    Resource,
    SourceFailed,
    WebPage,
    request,
)
from localqwq.packs.manifest import MANIFEST_NAME, MAX_FILE_BYTES
from localqwq.packs.sources.file_names import quant_of
from localqwq.packs.sources.listing import Listing, RemoteFile
from localqwq.packs.sources.repository import listing_of, manifest_of

_MOST_PARTS = 999
"""Each costs a request before the download starts."""


@dataclass(frozen=True, slots=True)
class Web:
    """A GGUF file behind a URL, or the folder of a pack."""

    url: str

    @property
    def label(self) -> str:
        """Its host."""
        return urlsplit(self.url).hostname or self.url

    def listing(self, wanted: Callable[[str], bool]) -> Listing:
        """Implement ``Source.listing``."""
        path = unquote(urlsplit(self.url).path)
        if path.lower().endswith(".gguf"):
            return self._of_files(path.rpartition("/")[2])
        base = self.url.removesuffix(MANIFEST_NAME).rstrip("/")
        manifest = manifest_of(Resource(f"{base}/{MANIFEST_NAME}"))
        files = [
            RemoteFile(file.path, file.bytes, file.sha256, Resource(f"{base}/{quote(file.path)}"))
            for file in manifest.files
            if wanted(file.path)
        ]
        return listing_of(self.label, base, None, files, manifest)

    def _of_files(self, name: str) -> Listing:
        """Return the single file, or all parts of the model that it is a part of."""
        part = parse_part_name(name)
        names = (
            [part_name(part[0], number, part[2]) for number in range(1, part[2] + 1)]
            if part and part[2] <= _MOST_PARTS
            else [name]
        )
        files = tuple(self._file(name, one) for one in names)
        if quant_of(name) is not None:
            return Listing(self.label, self.url, None, {str(quant_of(name)): files})
        return listing_of(self.label, self.url, None, files)

    def _file(self, named: str, name: str) -> RemoteFile:
        url = self.url if name == named else _sibling(self.url, name)
        answer = _described(url)
        length = answer.total
        if answer.is_page and not _starts_a_model(url):
            raise WebPage(answer.address)
        if length is None:
            raise SourceFailed(f"{answer.address} does not say how long {name} is")
        if not 0 < length <= MAX_FILE_BYTES:
            raise SourceFailed(f"{answer.address} says that {name} has {length:,} bytes")
        return RemoteFile(name, length, None, Resource(url), answer.version)


def _described(url: str) -> Answer:
    """Return a server's answer about a file, without the body.

    Sends HEAD, or requests the first byte if HEAD is refused, as by links signed for GET, or gives
    no length.
    """
    with suppress(Refused, LinkRefused), request(Resource(url), method="HEAD") as answer:
        if answer.total is not None:
            return answer
    with request(Resource(url), {"Range": "bytes=0-0"}) as answer:
        return answer


def _sibling(url: str, name: str) -> str:
    """Return the URL of a file next to the one that a URL names, however that is quoted."""
    parts = urlsplit(url)
    folder = parts.path.rpartition("/")[0]
    return urlunsplit(parts._replace(path=f"{folder}/{quote(name)}"))


def _starts_a_model(url: str) -> bool:
    """Return whether there is a model, even if the server calls it a page."""
    with request(Resource(url), {"Range": f"bytes=0-{len(MAGIC) - 1}"}) as answer:
        return answer.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with GGUF files (possibly a pack), or a single GGUF file."""

    path: Path

    @property
    def label(self) -> str:
        """Its path."""
        return str(self.path)

    def listing(self, wanted: Callable[[str], bool]) -> Listing:
        """Implement ``Source.listing``."""
        if not self.path.exists():
            raise SourceFailed(f"there is no {self.path}")
        root = self.path if self.path.is_dir() else self.path.parent
        files = [
            RemoteFile(str(path.relative_to(root)), path.stat().st_size, None, path.resolve())
            for form in ("*.gguf", "*/*.gguf", MANIFEST_NAME)
            for path in sorted(root.glob(form))
            if path.is_file() and (path == self.path or self.path == root)
        ]
        files = [file for file in files if file.path == MANIFEST_NAME or wanted(file.path)]
        return listing_of(self.label, str(self.path), None, files)
