"""Two RPC servers on this machine, of unequal size: a model is really divided among devices."""

import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import numpy as np
import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.probing.dry_load import dry_load
from localqwq.engine.probing.speeds import with_speeds
from localqwq.engine.rope import RopeScaling
from localqwq.engine.rpc.client import answering, check, connect, has_rpc
from localqwq.engine.states.store import StateStore
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.hardware.detection import detect
from localqwq.hardware.machine import Machine
from localqwq.planning.compute import Role
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import ContextSettings, KvType, bookkeeping_bytes
from localqwq.planning.placement import HOST, assign
from localqwq.planning.placer import Placer
from localqwq.planning.plan import Plan, plan
from localqwq.reasoning.events import Finish
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.rpc_servers import RpcServer, rpc_server
from tests.sparse import QWQ, make_sparse_gguf

pytestmark = pytest.mark.skipif(not has_rpc(), reason="this llama.cpp was built without RPC")

CONTEXT = 2048
WISHES = Constraints(CONTEXT, "f16")
MIB = 1 << 20
LAYER = re.compile(r"load_tensors: layer +(\d+) assigned to device (\w+),")
CACHE = re.compile(r"llama_kv_cache: layer +(\d+): dev = (\w+)")
WEIGHTS = re.compile(r"load_tensors: +(\S+) model buffer size = +([0-9.]+) MiB")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    """The addresses of two servers."""
    with rpc_server() as first, rpc_server() as second:
        yield first.address, second.address


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of twelve layers that take about 2.7 MiB each with 2,048 tokens of context."""
    directory = tmp_path_factory.mktemp("divided")
    checkpoint = make_checkpoint(directory / "checkpoint", layers=12, kv_heads=4)
    convert(checkpoint, directory / "pack", ["Q8_0"], name="divided")
    return directory / "pack" / "divided-Q8_0.gguf"


@pytest.fixture(scope="module")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """QwQ-32B in Q4_K_M: 19.8 GB of holes."""
    return make_sparse_gguf(tmp_path_factory.mktemp("full"), QWQ, "Q4_K_M")


@pytest.fixture(scope="module")
def machine(servers: tuple[str, str]) -> Machine:
    """This one, with both servers as small and unequal devices."""
    first, second = servers
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALQWQ_RPC", f"{first}=40M,{second}=50M")
        return detect()


@dataclass(frozen=True)
class Loaded:
    """What came of a load."""

    log: str
    logits: list[float]
    """Of the token after a short prompt."""


def load(path: Path, split: tuple[int, ...], servers: tuple[str, ...]) -> Loaded:
    """Load and decode; in a process of its own, since servers stay connected to."""
    llama = binding()
    lines: list[str] = []
    keep = llama.llama_log_callback(lambda level, text, data: lines.append(text.decode()))
    llama.llama_log_set(keep, None)
    connect(servers)
    # Without devices the attention is theirs all the same: the processor's own rounds otherwise.
    devices = None if split else ()
    model = Model(path, sum(split) or 1, devices=devices, tensor_split=split, repack=False)
    context = Context(model, size=CONTEXT, rope=RopeScaling("model"), threads=1, batch=256)
    last = context.decode([Part(0, 0, range(1, 200), 1)])[0]
    logits = llama.llama_get_logits_ith(context.handle, last)[: model.size]
    context.close()
    model.close()
    return Loaded("".join(lines), logits)


def load_apart(path: Path, split: tuple[int, ...] = (), servers: tuple[str, ...] = ()) -> Loaded:
    """:func:`load` in a new process."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, fresh) as process:
        return process.submit(load, path, split, servers).result()


@pytest.fixture(scope="module")
def on_processor(model: Path) -> list[float]:
    """The logits without any device."""
    return load_apart(model).logits


def go_on(path: Path, states: Path, split: tuple[int, ...], servers: tuple[str, ...]) -> list[int]:
    """Answer a prompt twice, in two engines; how many of its tokens each did not have to read."""
    options = LoadOptions(
        context=CONTEXT,
        threads=1,
        gpu_layers=sum(split),
        devices=("RPC0", "RPC1"),
        tensor_split=tuple(map(float, split)),
        rpc=servers,
    )
    request = GenerationRequest(prompt=list(range(1, 200)), max_tokens=1, ignore_eos=True)
    had = []
    for _ in range(2):
        store = StateStore(key="", ram_bytes=0, directory=states, disk_bytes=1 << 30, quiet_s=0)
        with Engine.load(path, options, states=store) as engine:
            context = engine._scheduler.context
            context.piece_tokens = 80
            [*_, end] = engine.generate(request)
            assert isinstance(end, Finish)
            had.append(end.usage.cached_tokens)
            while engine.step() or engine.pause is not None:
                time.sleep(engine.pause or 0)
    return had


def test_states_of_devices_are_written_and_loaded(
    model: Path, servers: tuple[str, str], tmp_path: Path
) -> None:
    """In pieces, each with the parts of both servers."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, fresh) as process:
        assert process.submit(go_on, model, tmp_path, (6, 7), servers).result() == [0, 198]
    assert len(list(tmp_path.glob("*.state"))) == 3


def test_servers_are_devices(machine: Machine, servers: tuple[str, str]) -> None:
    """They come in the order in which they were named, with no more memory than was said."""
    first, second = (device for device in machine.devices if device.is_remote)
    assert (first.name, first.description, first.free) == ("RPC0", servers[0], 40 * MIB)
    assert (second.name, second.description, second.free) == ("RPC1", servers[1], 50 * MIB)
    assert machine.rpc_servers == servers
    assert machine.backends == ("RPC", "CPU")
    assert machine.problems == ()


@pytest.mark.parametrize(("sizes", "everything"), [((40, 50), True), ((20, 40), False)])
def test_layers_land_where_the_plan_says(
    model: Path,
    machine: Machine,
    on_processor: list[float],
    sizes: tuple[int, int],
    everything: bool,
) -> None:
    """All layers, or some: each one with its KV cache and its weights; the logits are equal."""
    free = {f"RPC{index}": size * MIB for index, size in enumerate(sizes)}
    devices = (replace(device, free=free.get(device.name, 0)) for device in machine.devices)
    found = plan(read_facts(model), replace(machine, devices=tuple(devices)), constraints=WISHES)
    assert found.fits
    assert (found.gpu_layers == found.layers_total) is everything
    less, more = found.tensor_split
    assert 0 < less < more
    loaded = load_apart(model, found.tensor_split, machine.rpc_servers)
    expected = _places(found)
    assert _found(LAYER, loaded.log) == expected
    assert _found(CACHE, loaded.log) == expected[:-1]
    buffers = dict(WEIGHTS.findall(loaded.log))
    for one, address in zip(found.devices, machine.rpc_servers, strict=True):
        size = float(buffers[f"RPC0[{address}]"]) * MIB
        assert size == pytest.approx(one.weights, abs=0.01 * MIB)
    np.testing.assert_allclose(loaded.logits, on_processor, atol=1e-4)


def test_a_dry_load_tells_servers_apart(model: Path, machine: Machine) -> None:
    """llama.cpp calls the buffers of both RPC0[…]; what each device takes is told nevertheless."""
    found = plan(read_facts(model), machine, constraints=WISHES)
    names = tuple(load.name for load in found.devices if load.layers)
    buffers = dry_load(model, found, rpc=machine.rpc_servers)
    assert names == ("RPC0", "RPC1")
    assert all(buffers.taken_by(name, names) > 0 for name in names)
    assert buffers.taken_by(HOST, names) < sum(buffers.compute.values()) + buffers.output


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
@pytest.mark.parametrize(
    ("split", "roles"),
    [
        ((65, 0), (Role.START, Role.INPUTS)),
        ((33, 32), (Role.PIPE_START, Role.PIPE_MIDDLE, Role.PIPE_INPUTS)),
        ((20, 20), (Role.MIDDLE, Role.MIDDLE, Role.PROCESSOR)),
    ],
)
def test_buffers_of_every_role(
    full_size: Path,
    machine: Machine,
    split: tuple[int, int],
    roles: tuple[Role, ...],
    kv_type: KvType,
) -> None:
    """As planned to within the log's rounding, for QwQ-32B's shape over two devices.

    llama.cpp pipelines over RPC, and only with all layers on several devices.
    """
    facts, settings = read_facts(full_size), ContextSettings(32_768, kv_type)
    large = tuple(replace(device, free=64 << 30) for device in machine.devices)
    machine = replace(machine, devices=large, ram_available=64 << 30)
    placed = Placer(facts, machine, settings).loads(split)
    found = replace(
        plan(facts, machine, constraints=Constraints(settings.context, kv_type, sum(split))),
        gpu_layers=sum(split),
        devices=placed.devices,
        host=placed.host,
    )
    loads = [load for load in placed.devices if load.layers]
    assert (*(load.role for load in loads), placed.host.role) == roles
    names = tuple(load.name for load in loads)
    buffers = dry_load(full_size, found, rpc=machine.rpc_servers)
    for load in loads:
        assert load.compute == pytest.approx(buffers.taken_by(load.name, names), abs=0.05 * MIB)
    expected = placed.host.compute - bookkeeping_bytes(facts, settings)
    assert expected == pytest.approx(buffers.taken_by(HOST, names), abs=0.05 * MIB)


def test_servers_are_measured_like_other_devices(machine: Machine) -> None:
    """Each one, with the way there; what is known is not measured again."""
    measured = with_speeds(machine)
    first, second = (device for device in measured.devices if device.is_remote)
    for device in (first, second):
        assert 1e6 < (device.bandwidth or 0) < 1e13
        assert 1e6 < (device.flops or 0) < 1e16
        assert 0 < (device.trip or 0) < 1
    again = with_speeds(machine, measure=False)
    assert again.devices == measured.devices


def test_who_cannot_be_used(servers: tuple[str, str]) -> None:
    """Nobody there, no RPC server, and one that serves another: one clear sentence each."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = _address(closed)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sentences = [check(nobody), check(_address(silent), patience=0.2)]
    assert sentences[0] is not None
    assert sentences[0].startswith(f"The RPC server {nobody} cannot be reached: start it there")
    assert sentences[1] is not None
    assert "did not answer within 0.2 seconds" in sentences[1]
    usable, problems = answering([nobody, servers[0]])
    assert usable == [servers[0]]
    assert problems == [sentences[0]]
    with pytest.raises(LocalqwqError, match="cannot be reached"):
        connect([nobody])


def test_who_speaks_something_else() -> None:
    """A web server, say: it is told by name, and nothing else happens."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ProcessPoolExecutor(1) as process:
        asked = process.submit(check, _address(listener))
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 10)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        sentence = asked.result()
    assert sentence is not None
    assert "does not speak ggml's RPC" in sentence


def test_an_unreachable_server_is_done_without(model: Path) -> None:
    """`ask` says so and answers all the same."""
    command = [sys.executable, "-m", "localqwq", "ask", "hello", "-m", str(model)]
    done = subprocess.run(
        [*command, "--ctx", "256", "--max-tokens", "2"],
        env=os.environ | {"LOCALQWQ_RPC": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The RPC server 127.0.0.1:1 cannot be reached" in done.stderr


def test_a_port_that_is_taken() -> None:
    """The server says so in one line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        command = [sys.executable, "-m", "localqwq.engine.rpc", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: Cannot listen on 127.0.0.1:{port} (")


def test_a_server_dies_while_a_token_is_computed(model: Path) -> None:
    """The client is told the reason, as the terminal is, and it goes on without that server."""
    with rpc_server() as first, rpc_server() as second:
        named = {"LOCALQWQ_RPC": f"{first.address}=40M,{second.address}=50M"}
        command = [sys.executable, "-m", "localqwq", "serve", str(model), "--port", "0"]
        process = subprocess.Popen(
            [*command, "--ctx", str(CONTEXT), "--kv", "f16"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | named,
        )
        with process:
            try:
                assert process.stdout is not None
                assert process.stderr is not None
                url = process.stdout.readline().removeprefix("listening on ").strip()
                assert url, process.communicate()
                _lose(second, url)
                sentence = next(line for line in process.stderr if "started again" in line)
                assert sentence.startswith("The engine ended because an RPC server that held part")
                assert f"started again without {second.address}, with" in sentence
                assert any("answers again" in line for line in process.stderr)
                assert _ask(url).status_code == 200
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
            finally:
                process.kill()


def _places(found: Plan) -> list[tuple[str, str]]:
    """Each layer's number and device, as the plan has it."""
    names = [load.name for load in found.devices]
    places = assign(found.layers_total, found.gpu_layers, found.tensor_split)
    return [
        (str(layer), "CPU" if place is None else names[place]) for layer, place in enumerate(places)
    ]


def _found(pattern: re.Pattern[str], log: str) -> list[tuple[str, str]]:
    """The same by llama.cpp's log."""
    return pattern.findall(log)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"{host}:{port}"


def _ask(url: str) -> httpx2.Response:
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
    return httpx2.post(f"{url}/v1/chat/completions", json=body, timeout=60)


def _lose(server: RpcServer, url: str) -> None:
    """Kill a server while an answer streams, which then ends with the reason."""
    body = {"prompt": "hello", "max_tokens": CONTEXT - 100, "stream": True, "seed": 1}
    with httpx2.stream("POST", f"{url}/v1/completions", json=body, timeout=60) as response:
        chunks = []
        for line in response.iter_lines():
            if line.startswith("data: {"):
                server.process.kill()
                chunks.append(json.loads(line.removeprefix("data: ")))
    assert chunks[-1]["error"]["code"] == "engine_lost"
    assert "an RPC server that held part" in chunks[-1]["error"]["message"]
