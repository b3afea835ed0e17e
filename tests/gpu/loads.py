"""Loads that are tried on devices, each in a process that can be lost."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.device_handles import buffer_names
from localqwq.engine.llama.library import binding, buffer_lines, clear_buffer_lines
from localqwq.engine.llama.model import Model
from localqwq.engine.probing.buffer_log import Buffer, buffers_in
from localqwq.engine.rope import RopeScaling
from localqwq.engine.rpc.client import connect
from localqwq.planning.memory import ContextSettings
from localqwq.planning.placement import HOST
from tests.gpu.apart import again_after_mesa

PROMPT = range(1, 200)
"""Tokens whose last one's logits are compared."""


@dataclass(frozen=True)
class Case:
    """How a model is loaded."""

    path: Path
    settings: ContextSettings
    devices: tuple[str, ...] = ()
    """Those with layers."""
    split: tuple[int, ...] = ()
    """Layers of each of them."""


@dataclass(frozen=True)
class Loaded:
    """What came of it."""

    taken: dict[str, int]
    """Bytes by the name of the place: of weights, KV cache and all other buffers of llama.cpp."""
    logits: list[float]
    """Of the token behind the prompt."""


def load(case: Case) -> Loaded:
    """Load, decode the prompt, and free everything, in this process."""
    clear_buffer_lines()
    # One layer for no device: the processor computes attention as devices do, and rounds like them.
    layers = sum(case.split) or 1
    model = Model(
        case.path,
        layers,
        devices=case.devices,
        tensor_split=case.split,
        repack=False,
        load_mode="read",
    )
    settings = case.settings
    context = Context(
        model,
        size=settings.context,
        rope=RopeScaling("model"),
        threads=1,
        parallel=settings.parallel,
        kv_type=settings.kv_type,
        flash=settings.flash if case.split else None,
    )
    last = 0
    for start in range(0, len(PROMPT), context.batch):
        [last] = context.decode([Part(0, start, PROMPT[start : start + context.batch], 1)])
    logits = binding().llama_get_logits_ith(context.handle, last)[: model.size]
    context.close()
    model.close()
    return Loaded(_taken(buffers_in(buffer_lines()), case.devices), logits)


def _taken(buffers: Sequence[Buffer], devices: Sequence[str]) -> dict[str, int]:
    places = {buffer: device for device, buffer in buffer_names(devices).items()}
    taken = dict.fromkeys((*devices, HOST), 0)
    for one in buffers:
        taken[places.get(one.name, HOST)] += one.bytes
    return taken


class Loader:
    """Loads in one process, whose connections to RPC servers stay."""

    def __init__(self, servers: Sequence[str], description: str) -> None:
        """``servers``: addresses of those whose devices can be named; ``description``: of the
        device of this machine."""
        self._servers = tuple(servers)
        self._description = description
        self._process = self._start()

    def __call__(self, case: Case) -> Loaded:
        """:func:`load` there."""

        def once() -> Loaded:
            try:
                return self._process.submit(load, case).result()
            except BrokenProcessPool:
                self.close()
                self._process = self._start()
                raise

        return again_after_mesa(self._description, once)

    def close(self) -> None:
        """End the process."""
        self._process.shutdown()

    def _start(self) -> ProcessPoolExecutor:
        process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        process.submit(connect, self._servers).result()
        return process


@contextmanager
def loader(description: str, servers: Sequence[str] = ()) -> Iterator[Loader]:
    """A process for loads."""
    with closing(Loader(servers, description)) as one:
        yield one
