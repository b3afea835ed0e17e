"""What the hub's own client asks for when it uploads, on loopback; downloads are handed on.

The commits become folders, which are published on the hub of ``tests.hub_server``: whatever that
one can do with a repository can then be done with what was uploaded.
"""

import base64
import hashlib
import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.hub_server import Hub

TOKEN = "hf_theTokenOfTheTests"
READER = "hf_thisOneMayNotWrite"


@dataclass
class Uploads:
    """What was uploaded, and how the next requests are to be answered."""

    hub: Hub
    folder: Path
    """Where contents and commits are kept."""
    repositories: dict[str, bool] = field(default_factory=dict)
    """Whether each of them is private."""
    arrived: dict[str, bytes] = field(default_factory=dict)
    """Contents of large files by their SHA-256."""
    sent: list[str] = field(default_factory=list)
    """SHA-256 of every large file that came, in order."""
    requests: list[str] = field(default_factory=list)
    lost: int = 0
    """So many commits are answered with 503 yet."""
    held: int | None = None
    """After so many large files, nothing is read of the next one until ``go_on`` is set."""
    holding: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    large: int = 4096
    """Files from so many bytes on are large."""
    parts: int | None = None
    """Bytes of one part, where large files are to come in several."""
    url: str = ""

    def commit(self, repository: str, lines: list[dict[str, Any]]) -> str:
        """Put what the lines of a commit say on the repository's main branch."""
        known = self.hub.branches.get(repository, {}).get("main")
        folder = self.folder / f"commit-{len(list(self.folder.iterdir()))}"
        if known:
            shutil.copytree(self.hub.commits[repository][known], folder)
        else:
            folder.mkdir()
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                (folder / value["path"]).write_bytes(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                (folder / value["path"]).write_bytes(self.arrived[value["oid"]])
        return self.hub.publish(repository, folder)

    def files(self, repository: str) -> dict[str, bytes]:
        """The contents of a repository's main branch."""
        folder = self.hub.commits[repository][self.hub.branches[repository]["main"]]
        return {path.name: path.read_bytes() for path in folder.iterdir()}


class _Handler(BaseHTTPRequestHandler):
    uploads: Uploads
    partial: dict[str, dict[int, bytes]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Hand downloads on to the other server."""
        target = urlsplit(self.uploads.hub.url)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
        headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
        connection.request(self.command, self.path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("date", "server"):
                self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    def do_HEAD(self) -> None:
        """Like GET."""
        self.do_GET()

    def do_PUT(self) -> None:
        """Take the content of a large file, or of one of its parts."""
        uploads = self.uploads
        if len(uploads.sent) == uploads.held:
            uploads.holding.set()
            uploads.go_on.wait(60)
        where = urlsplit(self.path)
        oid = where.path.strip("/").split("/")[1]
        length = int(self.headers.get("Content-Length") or 0)
        content = self._content()
        if length and len(content) < length:  # the client has gone
            self.close_connection = True
        elif uploads.parts is None:
            self._arrive(oid, content)
            self._send(200, b"")
        else:
            self.partial.setdefault(oid, {})[int(where.query.removeprefix("part="))] = content
            self._send(200, b"", {"ETag": '"part"'})

    def do_POST(self) -> None:
        """Answer the calls of the hub's interface."""
        content = self._content()
        parts = urlsplit(self.path).path.strip("/").split("/")
        self.uploads.requests.append("/".join(parts))
        if parts[0] != "complete" and self._refused():
            return
        match parts:
            case ["api", "repos", "create"]:
                self._create(json.loads(content))
            case ["api", "validate-yaml"]:
                wrong = "nonsense" in json.loads(content)["content"]
                errors = [{"message": "nonsense"}] if wrong else []
                self._json({"errors": errors, "warnings": []}, 400 if wrong else 200)
            case ["api", "models", _, _, "preupload", _]:
                self._modes(json.loads(content)["files"])
            case [_, _, "info", "lfs", "objects", "batch"]:
                self._batch(json.loads(content)["objects"])
            case ["complete", oid]:
                self._arrive(oid, b"".join(dict(sorted(self.partial[oid].items())).values()))
                self._json({})
            case ["verify"]:
                known = json.loads(content)["oid"] in self.uploads.arrived
                self._send(200 if known else 404, b"")
            case ["api", "models", owner, name, "commit", _]:
                self._commit(f"{owner}/{name}", content)
            case _:
                self._send(404, b"")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Be quiet."""

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline() or b"0", 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _refused(self) -> bool:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        status = {TOKEN: 200, READER: 403}.get(token, 401)
        if status != 200:
            self._send(status, b"")
        return status != 200

    def _create(self, wanted: dict[str, Any]) -> None:
        repository = f"{wanted['organization']}/{wanted['name']}"
        known = repository in self.uploads.repositories
        if not known:
            self.uploads.repositories[repository] = wanted.get("visibility") == "private"
            empty = self.uploads.folder / f"new-{len(self.uploads.repositories)}"
            empty.mkdir()
            self.uploads.hub.publish(repository, empty)
        self._json({"url": f"{self.uploads.url}/{repository}"}, 409 if known else 200)

    def _modes(self, files: list[dict[str, Any]]) -> None:
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["size"] >= self.uploads.large else "regular",
                "shouldIgnore": False,
            }
            for file in files
        ]
        self._json({"files": modes})

    def _batch(self, wanted: list[dict[str, Any]]) -> None:
        objects = []
        for one in wanted:
            oid, size = one["oid"], one["size"]
            objects.append({"oid": oid, "size": size})
            if oid not in self.uploads.arrived:
                objects[-1]["actions"] = {
                    "upload": self._upload(oid, size),
                    "verify": {"href": f"{self.uploads.url}/verify"},
                }
        self._json({"transfer": "basic", "objects": objects})

    def _upload(self, oid: str, size: int) -> dict[str, Any]:
        length = self.uploads.parts
        if length is None:
            return {"href": f"{self.uploads.url}/lfs/{oid}"}
        count = -(-size // length)
        header = {f"{n}": f"{self.uploads.url}/lfs/{oid}?part={n}" for n in range(1, count + 1)}
        return {
            "href": f"{self.uploads.url}/complete/{oid}",
            "header": {"chunk_size": str(length), **header},
        }

    def _arrive(self, oid: str, content: bytes) -> None:
        assert hashlib.sha256(content).hexdigest() == oid
        self.uploads.arrived[oid] = content
        self.uploads.sent.append(oid)

    def _commit(self, repository: str, content: bytes) -> None:
        if self.uploads.lost:
            self.uploads.lost -= 1
            self._send(503, b"")
            return
        lines = [json.loads(line) for line in content.splitlines() if line]
        commit = self.uploads.commit(repository, lines)
        url = f"{self.uploads.url}/{repository}/commit/{commit}"
        self._json({"commitUrl": url, "commitOid": commit})

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def taking_uploads(hub: Hub, folder: Path) -> Iterator[Uploads]:
    """A server beside ``hub`` that takes uploads for it at its ``url``; ``folder`` is for them."""
    folder.mkdir()
    uploads = Uploads(hub, folder)
    handler = type("Handler", (_Handler,), {"uploads": uploads, "partial": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        uploads.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield uploads
        server.shutdown()
