"""A device whose memory runs out, or that is lost: the next plan down, told, and nothing lost."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from localqwq.hardware.machine import Device
from tests.rpc_servers import rpc_server

pytestmark = pytest.mark.gpu

SMALLEST = {"GGML_VK_FORCE_MAX_BUFFER_SIZE": "4000000"}
"""Bytes that Vulkan gives at a time: enough for each tensor of the demo, so that its plan fits, but
neither for the whole KV cache in F16 nor for what batches of the usual size are computed in."""
BODY = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}


class Served:
    """`localqwq serve` with a model."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def engine(self) -> psutil.Process:
        """The process that has the model."""
        children = psutil.Process(self.process.pid).children()
        [found] = [one for one in children if "localqwq.server.engine" in one.cmdline()]
        return found

    def load(self) -> dict[str, Any]:
        """How the model is loaded."""
        load: dict[str, Any] = httpx2.get(f"{self.url}/props", timeout=60).json()["load"]
        return load

    def ask(self) -> httpx2.Response:
        """A short answer."""
        return httpx2.post(f"{self.url}/v1/chat/completions", json=BODY, timeout=300)

    def wait_for(self, words: str) -> str:
        """The next line on stderr with these words."""
        assert self.process.stderr is not None
        return next(line for line in self.process.stderr if words in line)


@contextmanager
def serve(model: Path, environment: Mapping[str, str]) -> Iterator[Served]:
    """Serve it; in the end it must still end as it is asked to."""
    command = [sys.executable, "-m", "localqwq", "serve", str(model), "--port", "0"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=os.environ | dict(environment)
    )
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("listening on ").strip()
            assert url, process.communicate()
            yield Served(process, url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("batch", "given_up"),
    [
        ("128", ["with the KV cache in Q8_0 instead of F16"]),
        (
            "512",
            [
                "with the KV cache in Q8_0 instead of F16",
                "instead of 5 layers on devices",
                "with 0 instead of",
            ],
        ),
    ],
)
def test_memory_runs_out_while_loading(
    demo_gguf: Path, device: Device, batch: str, given_up: list[str]
) -> None:
    """What is given up is told, to the last layer if need be, and the question is answered."""
    if not device.name.startswith("Vulkan"):
        pytest.skip("only Vulkan can be told to give less")
    command = [sys.executable, "-m", "localqwq", "ask", "hello", "-m", str(demo_gguf)]
    done = subprocess.run(
        [*command, "--max-tokens", "2", "--batch", batch],
        env=os.environ | SMALLEST,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rest = done.stderr
    for change in given_up:
        _, told, rest = rest.partition(change)
        assert told, (change, done.stderr)
    assert "instead of" not in rest.partition("\n")[2]
    assert rest.partition("\n")[2].strip()  # the beginning of the thought


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's")
def test_memory_runs_out_while_an_answer_is_written(demo_gguf: Path, device: Device) -> None:
    """The engine ends, which is told, and another one answers on the same device."""
    with serve(demo_gguf, {}) as served:
        httpx2.get(f"{served.url}/v1/models", timeout=60).raise_for_status()
        engine = served.engine()
        limit = engine.memory_info().vms + (4 << 20)
        resource.prlimit(engine.pid, resource.RLIMIT_AS, (limit, limit))
        with pytest.raises((httpx2.TransportError, AssertionError)):
            assert served.ask().status_code == 200
        assert "memory" in served.wait_for("started again")
        served.wait_for("answers again")
        assert served.ask().status_code == 200
        assert served.engine().pid != engine.pid
        assert served.load()["devices"]


def test_a_device_elsewhere_is_lost(demo_gguf: Path, device: Device) -> None:
    """The model was on another machine; it goes on on the device that is left."""
    with (
        rpc_server() as server,
        serve(demo_gguf, {"LOCALQWQ_RPC": server.address}) as served,
    ):
        assert served.ask().status_code == 200
        assert served.load()["devices"] == ["RPC0"]
        server.process.kill()
        with pytest.raises((httpx2.TransportError, AssertionError)):
            assert served.ask().status_code == 200
        assert f"started again without {server.address}" in served.wait_for("started again")
        served.wait_for("answers again")
        assert served.ask().status_code == 200
        assert served.load()["devices"] == [device.name]
