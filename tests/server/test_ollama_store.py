"""Downloading, copying and deleting models through Ollama's API."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from localqwq.packs.store.store import Store
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.guard import Owners
from tests.hub_server import Fault, Hub, serving
from tests.servers import announced, server_command

SPEC = "hf:someone/Tiny-GGUF:Q8_0"
FILE = "tiny-q8_0.gguf"


@pytest.fixture(scope="module")
def hub(demo_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that has the demo as ``someone/Tiny-GGUF``."""
    folder = tmp_path_factory.mktemp("published")
    (folder / FILE).write_bytes(demo_gguf.read_bytes())
    with serving() as hub:
        hub.publish("someone/Tiny-GGUF", folder)
        yield hub


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store of the server."""
    return Store(tmp_path_factory.mktemp("data") / "packs")


@pytest.fixture(scope="module")
def http(hub: Hub, store: Store, demo_gguf: Path) -> Iterator[httpx2.Client]:
    """A client of a server that serves an installed model, and lets a page and a host in."""
    [served] = store.add(demo_gguf, name="served")
    command = server_command(served.path, "--port", "0", "--parent-pipe", name=served.spec)
    command += ["--allow-origin", "https://app.example", "--allow-host", "box.internal"]
    told = {"HF_ENDPOINT": hub.url, "LOCALQWQ_DATA_DIR": str(store.root.parent)}
    with (
        announced(command, **told) as url,
        httpx2.Client(base_url=url, timeout=120, trust_env=False) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def only_the_served(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, nothing else is installed."""
    yield
    if "store" in request.fixturenames:
        store: Store = request.getfixturevalue("store")
        for model in store.installed():
            if model.name != "served":
                store.remove(model.spec)


def names(store: Store) -> list[str]:
    """What is installed."""
    return [model.spec for model in store.installed()]


@contextmanager
def pulling(http: httpx2.Client) -> Iterator[Iterator[dict[str, Any]]]:
    """The lines of a pull as they come."""
    with http.stream("POST", "/api/pull", json={"model": SPEC}) as reply:
        assert reply.headers["content-type"] == "application/x-ndjson"
        yield (json.loads(line) for line in reply.iter_lines())


def test_a_model_is_pulled(http: httpx2.Client, store: Store, demo_gguf: Path) -> None:
    """With its progress, and then it is installed; once more, there is nothing to do."""
    with pulling(http) as lines:
        told = list(lines)
    assert told[0]["status"] == "pulling manifest"
    assert told[-1] == {"status": "success"}
    counted = [line for line in told if "total" in line]
    assert {line["total"] for line in counted} == {demo_gguf.stat().st_size}
    assert len({line["digest"] for line in counted}) == 1
    assert names(store) == ["Tiny:Q8_0", "served:Q8_0"]
    again = http.post("/api/pull", json={"name": SPEC, "stream": False})
    assert again.json() == {"status": "success"}


def test_a_pull_ends_with_its_client_and_goes_on(
    http: httpx2.Client, store: Store, hub: Hub
) -> None:
    """When it is repeated; the first one did not come to its end."""
    asked = len(hub.contents(FILE))
    hub.faults[FILE] = [Fault(hold=1 << 20)]
    with pulling(http):
        while len(hub.contents(FILE)) == asked:
            time.sleep(0.01)
    with pulling(http) as lines:
        assert list(lines)[-1] == {"status": "success"}
    assert len(hub.contents(FILE)) == asked + 2
    assert "Tiny:Q8_0" in names(store)


@pytest.mark.parametrize("name", ["served", "served:Q8_0", "served:latest", "demo"])
def test_a_pull_of_what_only_this_computer_has(http: httpx2.Client, name: str) -> None:
    """Is done at once: programs pull what they are about to use."""
    for stream in (True, False):
        reply = http.post("/api/pull", json={"model": name, "stream": stream})
        assert reply.status_code == 200
        assert reply.json() == {"status": "success"}


def test_a_pull_that_fails(http: httpx2.Client, hub: Hub) -> None:
    """Says why, in a line or in the answer."""
    missing = {"model": "hf:someone/Nothing-GGUF:Q8_0"}
    reply = http.post("/api/pull", json=missing)
    assert "Nothing-GGUF" in json.loads(reply.text.splitlines()[-1])["error"]
    whole = http.post("/api/pull", json=missing | {"stream": False})
    assert whole.status_code == 500
    assert "Nothing-GGUF" in whole.json()["error"]


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("no-such-model", 404, "catalogue has no no-such-model"),
        ("https://example.org/model-Q4_K_M.gguf", 400, "localqwq pull"),
        ("/", 400, "localqwq pull"),
        ("", 400, "by its name"),
    ],
)
def test_what_cannot_be_pulled(http: httpx2.Client, name: str, status: int, says: str) -> None:
    """Files and addresses of the server's network are for its owner at the keyboard."""
    reply = http.post("/api/pull", json={"model": name})
    assert reply.status_code == status
    assert says in reply.json()["error"]


def test_copies_and_deletes(http: httpx2.Client, store: Store) -> None:
    """A copy is a model of its own, which takes no more room."""
    copied = {"source": "served:latest", "destination": "mine"}
    assert http.post("/api/copy", json=copied).status_code == 200
    assert names(store) == ["mine:Q8_0", "served:Q8_0"]
    [mine], [served] = store.matching("mine"), store.matching("served")
    assert mine.path.samefile(served.path)
    assert [check.problem for check in store.verify("mine")] == [None]
    reply = http.request("DELETE", "/api/delete", json={"model": "mine:Q8_0"})
    assert (reply.status_code, reply.content) == (200, b"")
    assert names(store) == ["served:Q8_0"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("DELETE", "/api/delete", {"model": "nothing"}, 404, "no pack named nothing"),
        ("DELETE", "/api/delete", {"model": "served"}, 409, "`localqwq stop served:Q8_0`"),
        ("POST", "/api/copy", {"source": "nothing", "destination": "a"}, 404, "nothing"),
        ("POST", "/api/copy", {"source": "served", "destination": "a:Q4_0"}, 400, "Q8_0"),
        ("POST", "/api/copy", {"source": "served", "destination": "../a"}, 400, "not a name"),
    ],
)
def test_what_cannot_be_changed(
    http: httpx2.Client, method: str, path: str, body: dict[str, str], status: int, says: str
) -> None:
    """One sentence."""
    reply = http.request(method, path, json=body)
    assert reply.status_code == status
    assert says in reply.json()["error"]


def test_a_name_of_several_models_is_refused(http: httpx2.Client, store: Store) -> None:
    """Nothing is deleted that was not named."""
    store.copy("served:Q8_0", "many")
    manifest = store.root / "many" / "pack.toml"
    text = manifest.read_text(encoding="utf-8")
    file = next(part for part in text.split("[[") if "sha256" in part)
    other = file.replace("Q8_0", "Q4_0")
    manifest.write_text(f"{text}\n[[{other}", encoding="utf-8")
    (served,) = store.matching("many:Q8_0")
    (store.root / "many" / served.path.name.replace("Q8_0", "Q4_0")).hardlink_to(served.path)
    reply = http.request("DELETE", "/api/delete", json={"model": "many"})
    assert reply.status_code == 400
    assert "many:Q8_0" in reply.json()["error"]
    assert len(store.matching("many")) == 2


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://app.example"}, {"Host": "box.internal"}], ids=str
)
def test_those_who_may_only_use_models(http: httpx2.Client, headers: dict[str, str]) -> None:
    """A page and a host that the server lets in change nothing."""
    assert http.get("/api/tags", headers=headers).status_code == 200
    for method, path, body in (
        ("POST", "/api/pull", {"model": SPEC}),
        ("DELETE", "/api/delete", {"model": "nothing"}),
        ("POST", "/api/copy", {"source": "served", "destination": "a"}),
    ):
        reply = http.request(method, path, json=body, headers=headers)
        assert reply.status_code == 403
        assert "--api-key" in reply.json()["error"]


def test_who_owns_the_models() -> None:
    """Whoever has the key; without one, this computer and its own pages."""
    here, there = (b"host", b"localhost:8080"), (b"host", b"box.example")
    page, own = (b"origin", b"https://a.example"), (b"origin", b"http://127.0.0.1:3000")
    for headers in ([here], [here, own]):
        Owners(has_keys=False).check({"headers": headers})
    for headers in ([there], [here, page], [here, (b"origin", b"null")], []):
        Owners(has_keys=True).check({"headers": headers})
        with pytest.raises(InvalidRequestError):
            Owners(has_keys=False).check({"headers": headers})
