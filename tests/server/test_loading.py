"""What is answered while the model is loaded: a real load, stopped half-way."""

import asyncio
import threading
from pathlib import Path

import httpx2

from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.server.engine.loader import Loader
from localqwq.server.http.booting_app import Loading
from localqwq.server.http.replies import json_response


class HeldLoad:
    """A load of the demo that stops at its first half until it is let go on."""

    def __init__(self, model: Path) -> None:
        self.gate = Loading()
        self.half = threading.Event()
        self.go_on = threading.Event()
        self.ended = threading.Event()
        launch = Launch(model, "demo", LoadOptions(context=256, threads=1))
        self.loader = Loader(launch.engine_load, self._progressed)
        self.loader.start(self.ended.set)

    def _progressed(self, part: float) -> None:
        self.gate.progressed(part)
        if 0.4 <= part < 1:
            self.half.set()
            self.go_on.wait(60)


async def test_answers_before_and_after(demo_gguf: Path) -> None:
    """503 with the progress; then whatever the application answers."""
    load = HeldLoad(demo_gguf)
    transport = httpx2.ASGITransport(load.gate)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        assert await asyncio.to_thread(load.half.wait, 60)
        health = await http.get("/health")
        assert health.status_code == 503
        assert health.json()["status"] == "loading"
        assert 0.4 <= health.json()["progress"] < 1
        other = await http.post("/v1/chat/completions", content=b"not even JSON")
        assert other.status_code == 503
        assert other.json()["error"]["type"] == "server_error"
        assert "being loaded" in other.json()["error"]["message"]
        for reply in (health, other):
            assert 1 <= int(reply.headers["Retry-After"]) <= 60
        load.go_on.set()
        assert await asyncio.to_thread(load.ended.wait, 60)
        assert load.loader.engine is not None
        load.gate.open(json_response({"status": "ok"}))
        assert (await http.get("/health")).json() == {"status": "ok"}
        load.loader.engine.close()


async def test_time_left() -> None:
    """By the speed so far, and no more than clients will wait."""
    times = [0.0]
    gate = Loading(lambda: times[-1])
    transport = httpx2.ASGITransport(gate)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for seconds, part, left in ((0, 0.0, 1), (5, 0.25, 16), (90, 0.3, 60), (100, 1.0, 1)):
            times.append(seconds)
            gate.progressed(part)
            assert (await http.get("/health")).headers["Retry-After"] == str(left)


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    """A sentence, and no engine."""
    ended = threading.Event()
    launch = Launch(tmp_path / "none.gguf", "none", LoadOptions(context=256, threads=1))
    loader = Loader(launch.engine_load, lambda _: None)
    loader.start(ended.set)
    assert ended.wait(60)
    assert loader.engine is None
    assert "none.gguf" in str(loader.failure)
