"""``localqwq serve`` without a model: all that are installed, by name."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from localqwq.cli.main import main
from localqwq.client.running_server import RunningServer, running_model
from localqwq.locations import packs_directory, server_socket
from localqwq.packs.store.store import Store
from localqwq.server.http.dispatch import FIRST_COMMENT
from localqwq.tui.session.local_supply import LocalSupply
from tests.all_models import CHAT, body, serving
from tests.checkpoints import make_checkpoint


@pytest.fixture
def store(demo_gguf: Path) -> Store:
    """The demo under two names."""
    store = Store(packs_directory())
    for name in ("first", "second"):
        store.add(demo_gguf, name=name)
    return store


def test_each_is_loaded_when_it_is_named(store: Store, demo_gguf: Path) -> None:
    """By any of its names; what is unknown means the default; a pack that is added is noticed."""
    with serving("default") as server:
        assert set(server.states().values()) == {"asleep"}
        assert server.engines() == []
        assert server.answering("SECOND") == "second:Q8_0"
        assert server.states()["second:Q8_0"] == "ready"
        assert server.states()["first:Q8_0"] == "asleep"
        for name in (None, "", "llama-3", "first:latest"):
            assert server.answering(name) == "first:Q8_0"
        assert server.answering("gpt-4o") == "second:Q8_0"
        assert len(server.engines()) == 2
        store.add(demo_gguf, name="a-third")
        assert server.answering("a-third") == "a-third:Q8_0"
        assert [*server.states()][:2] == ["first:Q8_0", "a-third:Q8_0"]  # the default comes first
        running = server.http.get("/api/ps").json()["models"]
        assert {one["name"] for one in running} == {"first:Q8_0", "second:Q8_0", "a-third:Q8_0"}
        reply = server.http.post("/models/unload", json={"model": "a-third"}).json()
        assert reply == {"success": True, "model": "a-third:Q8_0", "requests": 0}
        while server.states()["a-third:Q8_0"] != "asleep":
            pass
        assert server.http.get("/props?model=second").json()["model_alias"] == "second:Q8_0"


def test_unknown_names_are_refused_where_that_is_set(store: Store) -> None:
    """The sentence lists what there is; an alias is none of them."""
    with serving("refuse") as server:
        reply = server.http.post(CHAT, json=body("llama-3"))
        assert reply.status_code == 404
        error = reply.json()["error"]
        assert error["code"] == "model_not_found"
        assert "'llama-3'" in error["message"]
        assert "first:Q8_0, second:Q8_0" in error["message"]
        assert server.http.post("/models/load", json={"model": "no"}).status_code == 404
        wrong = server.http.post(CHAT, json=body("first", keep_alive="soon"))
        assert wrong.status_code == 400
        assert wrong.json()["error"]["param"] == "keep_alive"
        tags = server.http.get("/api/tags").json()["models"]
        assert {"first:Q8_0", "second:Q8_0"} <= {one["name"] for one in tags}
        shown = server.http.post("/api/show", json={"model": "second:latest"}).json()
        assert shown["details"]["quantization_level"] == "Q8_0"
        longer = {"options": {"num_ctx": 99_999_999}, "stream": False}
        refused = server.http.post("/api/chat", json=body("first", **longer))
        assert refused.status_code == 400
        assert "99,999,999, but first:Q8_0 supports at most" in refused.json()["error"]
        for path in ("/api/chat", "/api/generate"):
            unload = {"model": "first", "keep_alive": 0}
            assert server.http.post(path, json=unload).json()["done_reason"] == "unload"
        assert server.engines() == []  # nothing of that needs a model in memory
        assert server.answering("gpt-5") == "second:Q8_0"
        told = server.http.post("/api/chat", json=body("first", stream=False)).json()
        assert told["model"] == "first:Q8_0"


def test_a_stream_tells_that_its_model_is_loaded(store: Store) -> None:
    """In comments, which clients ignore; what comes then is the usual stream."""
    with serving("default") as server:
        assert set(server.states().values()) == {"asleep"}  # a first list needs the devices
        assert server.http.post("/models/load", json={"model": "first"}).json()["success"]
        while not (engines := server.engines()):
            pass
        engines[0].suspend()
        try:
            assert server.states()["first:Q8_0"] == "loading"
            assert server.http.get("/health").json() == {
                "status": "ok",
                "loading": {"first:Q8_0": 0.0},
            }
            with server.http.stream("POST", CHAT, json=body("first", stream=True)) as response:
                lines = response.iter_lines()
                assert next(lines) == ": loading first:Q8_0, 0%"
                engines[0].resume()
                rest = [line for line in lines if line]
        finally:
            with suppress(psutil.NoSuchProcess):
                engines[0].resume()
        assert all(line.startswith(("data: ", ": ")) for line in rest)
        assert json.loads(rest[-2].removeprefix("data: "))["choices"][0]["finish_reason"]
        assert rest[-1] == "data: [DONE]"


def test_a_stream_of_ollamas_has_no_comments(store: Store) -> None:
    """Its lines are JSON, so that it begins once the model is loaded."""
    with serving("default") as server, ThreadPoolExecutor(1) as pool:
        assert server.http.post("/models/load", json={"model": "first"}).json()["success"]
        while not (engines := server.engines()):
            pass
        engines[0].suspend()
        try:
            answer = pool.submit(
                server.http.post, "/api/chat", json=body("first", stream=True), timeout=60
            )
            time.sleep(FIRST_COMMENT + 0.2)
        finally:
            engines[0].resume()
        lines = answer.result().text.splitlines()
        assert [json.loads(line)["done"] for line in lines][-1]


def test_what_a_person_sees_of_it(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the key that others need: what is in memory, and that it leaves it."""

    def said(*words: str) -> str:
        assert main([*words]) == 0
        return capsys.readouterr().out

    assert json.loads(said("ps", "--json")) == []
    assert main(["stop"]) == 1
    assert "localqwq serve" in capsys.readouterr().err
    with serving("default", "--api-key", "secret") as server:
        key = {"Authorization": "Bearer secret"}
        assert server.http.get("/v1/models").status_code == 401
        server.http.post(CHAT, json=body("first"), headers=key).raise_for_status()
        first, *others = json.loads(said("ps", "--json"))
        assert (first["model"], first["state"], first["requests"]) == ("first:Q8_0", "ready", 0)
        assert first["context"] == 512
        assert first["bytes"] > 0
        assert first["idle_s"] >= 0
        assert {one["state"] for one in others} == {"asleep"}
        row = next(line for line in said("ps").splitlines() if "first:Q8_0" in line)
        assert "ready" in row
        assert "512" in row
        assert said("ask", "Hello", "-m", "second", "--max-tokens", "3", "--no-thoughts") == ""
        assert server.generated(key) == 2 + 3
        assert said("stop", "first") == "first:Q8_0 leaves memory.\n"
        assert "second:Q8_0 leaves memory." in said("stop").splitlines()
        while any(one["state"] != "asleep" for one in json.loads(said("ps", "--json"))):
            pass
        assert said("stop") == ""
        assert said("stop", "gpt-4o") == "second:Q8_0 is not in memory.\n"
        assert main(["stop", "no-such"]) == 1
        assert "first:Q8_0, second:Q8_0" in capsys.readouterr().err


def test_a_damaged_model_is_not_answered_for(store: Store, demo_gguf: Path) -> None:
    """By the default one: whoever named it is told what is wrong."""
    (second,) = store.matching("second")
    store.add(demo_gguf, name="third")
    (packs_directory() / "third" / "pack.toml").write_text("{")
    second.path.unlink()
    with serving("default") as server:
        for name, damage in (
            ("second", "is missing: remove it with `localqwq models remove second:Q8_0`"),
            ("Second:q8_0", "is missing"),
            ("gpt-4o", "is missing"),  # an alias of it
            ("third", "not TOML. Repair it, or remove"),
            ("third:Q8_0", "not TOML"),
        ):
            reply = server.http.post(CHAT, json=body(name))
            assert reply.status_code == 404
            assert damage in reply.json()["error"]["message"]
        assert [*server.states()] == ["first:Q8_0", "demo"]
        assert server.engines() == []
        assert server.answering("unknown") == "first:Q8_0"


def test_changes_beside_an_answer(
    rambler: Path, demo_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Models come and go; the server lists each, and the answer goes on to its end."""

    def said(*words: str | Path) -> str:
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    Store(packs_directory()).add(rambler, name="first")
    checkpoint = make_checkpoint(tmp_path / "checkpoint")
    with (
        serving("default") as server,
        server.http.stream(
            "POST", CHAT, json=body("first", stream=True, max_tokens=300)
        ) as response,
    ):
        lines = response.iter_lines()
        next(line for line in lines if line.startswith("data: "))
        (engine,) = server.engines()
        engine.suspend()  # so that the answer is not over before the changes
        try:
            said("pull", demo_pack, "--name", "pulled")
            said(
                "convert", checkpoint, "-o", tmp_path / "pack", "--name", "made", "--quant", "Q8_0"
            )
            said("models", "add", tmp_path / "pack")
            pulled = {"pulled:Q8_0", "made:Q8_0"}
            assert pulled < {one["model"] for one in json.loads(said("ps", "--json"))}
            assert server.answering("pulled") == "pulled:Q8_0"
            used = {one["model"]: one["requests"] for one in json.loads(said("ps", "--json"))}
            assert (used["first:Q8_0"], used["pulled:Q8_0"]) == (1, 0)
            told = said("models", "remove", "pulled").splitlines()
            assert told[0].startswith("removed pulled: ")
            assert told[1:] == ["pulled:Q8_0 leaves memory."]
            while server.engines() != [engine]:
                pass
            assert running_model("first") is not None
            told = said("models", "remove", "first").splitlines()
            assert told[1:] == ["first:Q8_0 leaves memory after its request."]
            assert server.http.get("/v1/models/first").json()["removed"]
            assert running_model("first") is None  # the next one would not be answered by it
            listed = set(server.states())
            assert "made:Q8_0" in listed
            assert not listed & {"first:Q8_0", "pulled:Q8_0"}
        finally:
            engine.resume()
        *_, last, done = (line for line in lines if line)
        assert done == "data: [DONE]"
        (choice,) = json.loads(last.removeprefix("data: "))["choices"]
        assert choice["finish_reason"] == "length"
        engine.wait(60)


def test_what_the_app_removes_leaves_the_server(store: Store) -> None:
    """As with `models remove`: a file that is in memory takes its disk space until then."""
    with serving("default") as server:
        assert server.answering("second") == "second:Q8_0"
        LocalSupply().remove("second:Q8_0")
        while server.engines():
            pass
        assert "second:Q8_0" not in server.states()
    store.add(store.matching("first")[0].path, name="third")
    LocalSupply().remove("third:Q8_0")  # no server runs, and nothing is in the way
    assert {model.name for model in store.installed()} >= {"first"}


def test_a_response_in_the_background_keeps_its_model(rambler: Path) -> None:
    """In memory until it has ended, whatever its own request and another one want meanwhile."""
    for name in ("first", "second"):
        Store(packs_directory()).add(rambler, name=name)
    asked = {"model": "first", "input": "Go on", "background": True, "keep_alive": "0"}
    with serving("default", "--ctx", "16384") as server:
        id_ = server.http.post("/v1/responses", json=asked).json()["id"]
        (engine,) = server.engines()
        engine.suspend()
        try:
            told = server.http.post("/models/unload", json={"model": "first"}).json()
            assert told["requests"] == 1
            assert server.states()["first:Q8_0"] == "ready"
            assert server.http.get(f"/v1/responses/{id_}").json()["status"] == "in_progress"
        finally:
            engine.resume()
        assert server.http.post(f"/v1/responses/{id_}/cancel").json()["status"] == "cancelled"
        while server.states()["first:Q8_0"] != "asleep":
            pass
        id_ = server.http.post("/v1/responses", json=asked | {"max_output_tokens": 8}).json()["id"]
        while server.states()["first:Q8_0"] != "asleep":
            pass
        ended = server.http.get(f"/v1/responses/{id_}").json()
        assert (ended["status"], ended["usage"]["output_tokens"]) == ("incomplete", 8)


def test_files_that_are_removed_or_replaced(store: Store, demo_pack: Path) -> None:
    """What was loaded from them leaves memory once it has answered; the next one is the new one."""
    with serving("default") as server:
        assert server.answering("second") == "second:Q8_0"
        (engine,) = server.engines()
        store.remove("second")
        assert server.answering("second") == "first:Q8_0"
        engine.wait(60)
        (other,) = server.engines()
        store.add(demo_pack / "demo-Q8_0.gguf", name="second")
        assert server.answering("second") == "second:Q8_0"
        (before,) = (one for one in server.engines() if one != other)
        (installed,) = store.matching("second")
        new = Path(shutil.copy(installed.path, packs_directory() / "new"))
        new.replace(installed.path)
        assert server.answering("second") == "second:Q8_0"
        assert not before.is_running()
        assert other.is_running()  # the other model has nothing to do with it
        store.remove("second")
        assert server.http.get("/v1/models/second").json()["state"] == "ready"
        while server.engines() != [other]:
            pass


def test_one_server_is_found(store: Store) -> None:
    """By its socket, which the next one does not take; what a dead one left is taken."""
    with serving("default") as first:
        with serving("default") as second:
            assert second.said("Another server of yours is running")
            second.answering("second")
            with RunningServer(server_socket()) as found:
                assert {one.state for one in found.models()} == {"asleep"}
        assert server_socket().is_socket()
        first.kill()
    assert server_socket().is_socket()
    with serving("default") as third:
        third.answering("second")
        with RunningServer(server_socket()) as found:
            assert "ready" in {one.state for one in found.models()}
    assert not server_socket().exists()
