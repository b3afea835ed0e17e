"""A small hub on loopback: speaks what the hub's own client asks of it, from real folders."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """What is on it, and what was asked of it."""

    commits: dict[str, dict[str, Path]] = field(default_factory=dict)
    """Folder of each commit of each repository."""
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut: dict[str, int] = field(default_factory=dict)
    """Files whose next download ends after so many bytes."""
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
        parts = path.strip("/").split("/")
        match parts:
            case _ if self.hub.status != 200:
                self._send(self.hub.status, b"")
            case ["api", "models", owner, name, "revision", *revision]:
                self._info(f"{owner}/{name}", "/".join(revision))
            case ["api", "models", owner, name, "tree", revision]:
                self._tree(f"{owner}/{name}", revision)
            case [owner, name, "resolve", revision, file]:
                self._file(f"{owner}/{name}", revision, file)
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
            files = [
                {"rfilename": path.name, "size": path.stat().st_size, "blobId": _etag(path)}
                for path in sorted(folder.iterdir())
            ]
            self._json({"id": repository, "sha": commit, "siblings": files, "tags": []})

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
        content = path.read_bytes()
        headers = {
            "ETag": f'"{_etag(path)}"',
            "X-Repo-Commit": commit,
            "X-Linked-Size": str(len(content)),
            "Accept-Ranges": "bytes",
        }
        asked = self.headers.get("Range")
        if asked is None:
            self._send(200, content, headers, name)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), int(last or len(content) - 1) + 1
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        self._send(206, content[start:stop], headers, name)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, name: str = ""
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if name in self.hub.cut:
            self.wfile.write(content[: self.hub.cut.pop(name)])
            self.close_connection = True
        else:
            self.wfile.write(content)


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """An empty hub that answers at its ``url``."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield hub
        server.shutdown()
