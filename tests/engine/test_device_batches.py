"""Devices compute on their own and finish what they have begun: what that means for prompts."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import psutil
import pytest

from localqwq.engine.batch_limit import SMALLEST
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.rope import RopeScaling
from localqwq.engine.rpc.client import connect, has_rpc
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.rpc_servers import RpcServer, rpc_server

pytestmark = pytest.mark.skipif(not has_rpc(), reason="this llama.cpp was built without RPC")

P = ParamSpec("P")
T = TypeVar("T")
LAYERS = 4
PROMPT = "hello world " * 100


@pytest.fixture
def server() -> Iterator[RpcServer]:
    """A device of its own: it serves one process at a time."""
    with rpc_server() as running:
        yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch of it takes the server some tenths of a second."""
    directory = tmp_path_factory.mktemp("model")
    checkpoint = make_checkpoint(
        directory / "checkpoint", layers=LAYERS, hidden=512, feed_forward=2048, heads=8
    )
    convert(checkpoint, directory / "pack", ["Q8_0"], name="model")
    return directory / "pack" / "model-Q8_0.gguf"


def on_device(address: str, layers: int, path: Path) -> tuple[Model, Context]:
    """The model and its context, in this process."""
    connect([address])
    model = Model(path, layers, devices=["RPC0"])
    context = Context(model, size=1024, rope=RopeScaling("model"), threads=1)
    return model, context


def seconds_beyond(address: str, pid: int, path: Path) -> tuple[float, float]:
    """Processor time that a server takes for a batch: till it is decoded, and after that."""
    _, context = on_device(address, LAYERS + 1, path)
    times = [_busy(pid)]
    context.decode([Part(0, 0, range(1, 257), 0)])
    times.append(_busy(pid))
    binding().llama_synchronize(context.handle)
    times.append(_busy(pid))
    return times[1] - times[0], times[2] - times[1]


def rooms(address: str, layers: int, path: Path) -> list[int]:
    """Tokens that the first batches may have."""
    _, context = on_device(address, layers, path)
    found = []
    for _ in range(3):
        tokens = context.room
        found.append(tokens)
        context.decode([Part(0, 0, [1] * tokens, 0)])
        context.cut(0, 0)
    return found


def read_after_a_stop(address: str, path: Path) -> tuple[int, int]:
    """Tokens of a prompt that are in the cache when it is stopped during its first batch, and
    those that there are in all."""
    options = LoadOptions(1024, gpu_layers=LAYERS + 1, devices=("RPC0",), rpc=(address,), threads=1)
    with Engine.load(path, options) as engine:
        stop = threading.Event()
        request = GenerationRequest(messages=({"role": "user", "content": PROMPT},))
        generation = engine.submit(engine.prepare(request), stop)
        engine.step()
        stop.set()
        engine.interrupt(generation)
        while not generation.done:
            engine.step()
        read = max(engine._scheduler.sequences.common(generation.tokens), 0)
        return read, len(generation.tokens)


def test_a_decoded_batch_is_computed(server: RpcServer, model: Path) -> None:
    """Else its time would say nothing, and any number of batches could be on their way."""
    before, after = _apart(seconds_beyond, server.address, server.process.pid, model)
    assert before > 0.05
    assert after <= 0.02


def test_batches_begin_short(server: RpcServer, model: Path) -> None:
    """How long the device takes is found out by batches that end soon in any case."""
    first, *others = _apart(rooms, server.address, LAYERS + 1, model)
    assert first == SMALLEST
    assert others[0] == 2 * SMALLEST or others == [SMALLEST, 2 * SMALLEST]


def test_the_processor_heeds_the_flag(model: Path) -> None:
    """It can be stopped anywhere, so its batches are as long as they can be."""
    loaded = Model(model, gpu_layers=0, devices=())
    context = Context(loaded, size=1024, rope=RopeScaling("model"), threads=1)
    assert context.room == context.batch
    context.close()
    loaded.close()


def test_a_stopped_prompt_is_not_read_to_its_end(server: RpcServer, model: Path) -> None:
    """No more of it than the batch that was on its way."""
    read, prompt = _apart(read_after_a_stop, server.address, model)
    assert prompt > 200
    assert read <= SMALLEST


def _apart(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call it in a new process, since servers stay connected to."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, fresh) as process:
        return process.submit(function, *arguments, **named).result()


def _busy(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
