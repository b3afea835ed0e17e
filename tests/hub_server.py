"""A small hub on loopback: speaks what the hub's own client asks of it, from real folders.

It is ModelScope as well. GGUF files are "large": they have a SHA-256 and come from another path,
by a redirect, as from a network of caches. What is to go wrong is said in advance, file by file.
"""

import hashlib
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Fault:
    """What goes wrong with one answer that would bring a file's content."""

    status: int = 0
    """Answer with this instead."""
    headers: dict[str, str] = field(default_factory=dict)
    """Say this, too, or something else than what is so."""
    cut: int | None = None
    """The connection ends after so many bytes."""
    wrong: tuple[int, ...] = ()
    """The bytes at these places of the file are others."""
    shorter: int = 0
    """The file seems to have so many bytes less."""
    longer: int = 0
    """The file seems to have so many bytes more."""
    drip: int = 0
    """So many bytes at a time."""
    pause: float = 0.0
    """Seconds between them."""
    whole: bool = False
    """Ranges are not understood."""
    page: bytes = b""
    """Answer with this instead, as if it were the file."""
    hold: int | None = None
    """Nothing comes after so many bytes until ``Hub.go_on`` is set."""


@dataclass
class Hub:
    """What is on it, and what was asked of it."""

    commits: dict[str, dict[str, Path]] = field(default_factory=dict)
    """Folder of each commit of each repository."""
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut: dict[str, int] = field(default_factory=dict)
    """Files whose next download ends after so many bytes."""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """What happens to the next answers with a file's content, one after the other."""
    busy: list[Fault] = field(default_factory=list)
    """What happens to the next questions for what a repository has."""
    always: dict[str, Fault] = field(default_factory=dict)
    """What happens to all answers with a file's content."""
    etags: list[str] = field(default_factory=list)
    """What the next answers with a file's content call its version, instead of a checksum."""
    no_checksums: bool = False
    """GGUF files are small files, which have no SHA-256 on either hub."""
    no_head: bool = False
    """Questions for what a file is are refused, as by links that are signed for GET."""
    no_length: bool = False
    """Answers with a whole file do not say how long it is."""
    redirect: str = ""
    """Where large files are said to be; the hub's own caches if empty."""
    go_on: threading.Event = field(default_factory=threading.Event)
    authorized: list[str] = field(default_factory=list)
    """Paths that a token was sent to."""
    status: int = 200
    """Anything else is the answer to everything."""
    requests: list[str] = field(default_factory=list)
    """Method, path, and range if one was asked for."""
    url: str = ""

    def publish(self, repository: str, folder: Path, *, branch: str = "main") -> str:
        """Put a folder on a branch of a repository; returns its commit."""
        content = "".join(f"{path.name}{path.stat().st_size}" for path in sorted(folder.iterdir()))
        commit = hashlib.sha1(f"{repository}{folder}{content}".encode()).hexdigest()
        self.commits.setdefault(repository, {})[commit] = folder
        self.branches.setdefault(repository, {})[branch] = commit
        return commit

    def downloads(self) -> list[str]:
        """The files whose contents were asked for, in order."""
        return [
            request.split("/resolve/")[1].split("/", 1)[1]
            for request in self.requests
            if request.startswith("GET") and "/resolve/" in request
        ]

    def contents(self, name: str) -> list[str]:
        """The ranges of a large file that were asked for, in order, as ``0-99``."""
        return [
            request.partition("bytes=")[2]
            for request in self.requests
            if request.startswith("GET /cache/") and request.split()[1].endswith(f"/{name}")
        ]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Be quiet."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        if self.headers.get("Authorization"):
            self.hub.authorized.append(path)
        parts = path.strip("/").split("/")
        if parts[:1] == ["datasets"] and "resolve" in parts:  # as in a repository of a model
            del parts[0]
        match parts:
            case _ if self.hub.status != 200:
                self._send(self.hub.status, b"")
            case ["api", *_] if self.hub.busy:
                fault = self.hub.busy.pop(0)
                self._send(fault.status, b"", fault.headers)
            case ["api", "models", owner, name, "revision", *revision]:
                self._info(f"{owner}/{name}", "/".join(revision))
            case ["api", "models", owner, name]:
                self._info(f"{owner}/{name}", "main")
            case ["api", "models", owner, name, "tree", revision]:
                self._tree(f"{owner}/{name}", revision)
            case ["api", "v1", "models", owner, name, "repo", "files"]:
                self._scope_tree(f"{owner}/{name}", self._query("Revision"))
            case ["api", "v1", "models", owner, name, "repo"]:
                self._file(f"{owner}/{name}", self._query("Revision"), self._query("FilePath"))
            case [owner, name, "resolve", revision, *file]:
                self._file(f"{owner}/{name}", revision, "/".join(file))
            case ["cache", owner, name, commit, *file]:
                self._content(self.hub.commits[f"{owner}/{name}"][commit], "/".join(file))
            case ["plain", owner, name, *file]:
                commit = self.hub.branches[f"{owner}/{name}"]["main"]
                self._content(self.hub.commits[f"{owner}/{name}"][commit], "/".join(file))
            case _:
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})

    def _folder(self, repository: str, revision: str) -> tuple[str, Path] | None:
        commits = self.hub.commits.get(repository)
        if commits is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            return None
        commit = self.hub.branches[repository].get(revision, revision)
        if commit not in commits:
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return None
        return commit, commits[commit]

    def _info(self, repository: str, revision: str) -> None:
        if found := self._folder(repository, revision):
            commit, folder = found
            large = not self.hub.no_checksums
            files = [_sibling(folder, path, large) for path in _files(folder)]
            self._json({"id": repository, "sha": commit, "siblings": files, "tags": []})

    def _scope_tree(self, repository: str, revision: str) -> None:
        found = self._folder(repository, revision.replace("master", "main"))
        if found is None:
            return
        files = [
            {
                "Type": "blob",
                "Path": str(path.relative_to(found[1])),
                "Size": path.stat().st_size,
                "Sha256": "" if self.hub.no_checksums else _sha256(path),
                "Revision": found[0],
            }
            for path in _files(found[1])
        ]
        folders = [{"Type": "tree", "Path": "sub", "Size": 0, "Sha256": ""}]
        self._json({"Code": 200, "Success": True, "Data": {"Files": folders + files}})

    def _query(self, key: str) -> str:
        return parse_qs(urlsplit(self.path).query).get(key, [""])[0].replace("master", "main")

    def _tree(self, repository: str, revision: str) -> None:
        if found := self._folder(repository, revision):
            files = [
                {
                    "type": "file",
                    "path": path.name,
                    "size": path.stat().st_size,
                    "oid": _etag(path),
                }
                for path in sorted(found[1].iterdir())
            ]
            self._json(files)

    def _file(self, repository: str, revision: str, name: str) -> None:
        if repository in self.hub.gated:
            self._send(403, b"", {"X-Error-Code": "GatedRepo"})
            return
        found = self._folder(repository, revision)
        if found is None:
            return
        commit, folder = found
        path = folder / name
        if not path.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if path.suffix == ".gguf" and not self.hub.no_checksums:
            self._large(repository, commit, path, name)
            return
        headers = {
            "ETag": f'"{_etag(path)}"',
            "X-Repo-Commit": commit,
            "X-Linked-Size": str(path.stat().st_size),
            "Accept-Ranges": "bytes",
        }
        self._part(path.read_bytes(), headers, name, None)

    def _large(self, repository: str, commit: str, path: Path, name: str) -> None:
        place = self.hub.redirect or f"{self.hub.url}/cache/{repository}/{commit}"
        headers = {
            "Location": f"{place}/{name}?signature=secret",
            "X-Linked-Etag": f'"{_sha256(path)}"',
            "X-Linked-Size": str(path.stat().st_size),
            "X-Repo-Commit": commit,
        }
        self._send(302, b"", headers)

    def _content(self, folder: Path, name: str) -> None:
        path = folder / name
        if not path.is_file():
            self._send(404, b"")
            return
        if self.hub.no_head and self.command == "HEAD":
            self._send(403, b"")
            return
        faults = self.hub.faults.get(name)
        fault = faults.pop(0) if faults and self.command == "GET" else self.hub.always.get(name)
        etag = self.hub.etags.pop(0) if self.hub.etags else f'"{_etag(path)}"'
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if fault is None and name not in self.hub.cut:
            self._part(path, headers, name, None)
            return
        fault = fault or Fault()
        if fault.status:
            self._send(fault.status, b"", fault.headers)
            return
        if fault.page:
            self._send(200, fault.page, fault.headers)
            return
        content = bytearray(path.read_bytes())
        for place in fault.wrong:
            content[place] ^= 255
        content = content[: len(content) - fault.shorter] + bytes(fault.longer)
        self._part(bytes(content), headers, name, fault)

    def _part(
        self, content: bytes | Path, headers: dict[str, str], name: str, fault: Fault | None
    ) -> None:
        """The content, or the part of it that was asked for."""
        total = len(content) if isinstance(content, bytes) else content.stat().st_size
        asked = self.headers.get("Range")
        if self.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
            asked = None
        status, start, stop = 200, 0, total
        if asked is not None and not (fault and fault.whole):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last or total - 1) + 1, total)
            if start >= stop:
                self._send(416, b"", {"Content-Range": f"bytes */{total}"})
                return
            status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{total}"
        if isinstance(content, bytes):
            self._send(status, content[start:stop], headers, name, fault)
        else:
            self._send_file(status, content, start, stop, headers)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(
        self,
        status: int,
        content: bytes,
        headers: dict[str, str] | None = None,
        name: str = "",
        fault: Fault | None = None,
    ) -> None:
        self._send_head(status, len(content), (headers or {}) | (fault.headers if fault else {}))
        if self.command == "HEAD":
            return
        cut = self.hub.cut.pop(name, fault.cut if fault else None)
        if fault is not None and fault.hold is not None:
            self.wfile.write(content[: fault.hold])
            self.wfile.flush()
            self.hub.go_on.wait()
            content = content[fault.hold :]
        if cut is not None:
            content = content[:cut]
            self.close_connection = True
        step = (fault.drip if fault else 0) or max(1, len(content))
        with suppress(ConnectionError):  # whoever asked may have gone
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                if fault is not None and fault.pause:
                    self.hub.go_on.wait(fault.pause)

    def _send_file(
        self, status: int, path: Path, start: int, stop: int, headers: dict[str, str]
    ) -> None:
        """Without a copy in this process, as any server of large files does."""
        self._send_head(status, stop - start, headers)
        if self.command != "HEAD":
            with suppress(ConnectionError), path.open("rb") as stream:
                self.connection.sendfile(stream, start, stop - start)

    def _send_head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        if self.hub.no_length and status == 200:
            headers = headers | {"Content-Length": "", "Connection": "close"}
            self.close_connection = True
        for key, value in ({"Content-Length": str(length)} | headers).items():
            if value:
                self.send_header(key, value)
        self.end_headers()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sibling(folder: Path, path: Path, large: bool) -> dict[str, object]:
    size = path.stat().st_size
    name = str(path.relative_to(folder))
    found: dict[str, object] = {"rfilename": name, "size": size, "blobId": _etag(path)}
    if path.suffix == ".gguf" and large:
        found["lfs"] = {"size": size, "sha256": _sha256(path), "pointerSize": 130}
    return found


def _sha256(path: Path) -> str:
    return _digest("sha256", path, path.stat().st_mtime_ns)


def _etag(path: Path) -> str:
    return _digest("sha1", path, path.stat().st_mtime_ns)


@lru_cache
def _digest(algorithm: str, path: Path, changed: int) -> str:
    """A file's checksum, computed once for each content, as hubs do."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # whoever asked may have gone
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(certificate: ssl.SSLContext | None = None) -> Iterator[Hub]:
    """An empty hub that answers at its ``url``, by TLS if it has a certificate."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with _Server(("127.0.0.1", 0), handler) as server:
        scheme = "http"
        if certificate is not None:
            scheme = "https"
            server.socket = certificate.wrap_socket(server.socket, server_side=True)
        hub.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        # It looks this often whether it is to end, and every test waits for that.
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.go_on.set()
            server.shutdown()
