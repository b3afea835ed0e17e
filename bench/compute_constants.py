"""What llama.cpp's compute buffers hold, measured again: the constants of `planning/compute.py`.

    python -m bench.compute_constants [--shape NAME]... [--ctx N]... [--kv TYPE]...
                                      [--remote N]

Dry loads of models of many shapes, which take no memory, with the layers divided so that every role
of a place comes up: on this machine's GPUs, and on ``--remote`` RPC servers that are started here.
For each place: what is planned, what llama.cpp would allocate, and how many hidden states there
would have to be for both to be equal, beside how many `HOLDINGS` has. At the end, for each role,
all that was found: one number that is not the constant, for every shape, is the new constant.

To be run with every new llama.cpp. Exit status 1 where a buffer is larger than planned by more than
2 % and 8 MiB.
"""

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localqwq.engine.probing.dry_load import dry_load
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.hardware.detection import detect
from localqwq.hardware.machine import Machine
from localqwq.planning.compute import HOLDINGS, Role
from localqwq.planning.memory import MIB, ContextSettings, KvType, bookkeeping_bytes
from localqwq.planning.placement import HOST, gpus
from tests.placements import planned
from tests.rpc_servers import rpc_server
from tests.sparse import QWQ, make_sparse_gguf, shape

CONTEXTS = (2048, 32_768)
KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0")


SHAPES: dict[str, dict[str, Any]] = {
    "QwQ-32B": QWQ,
    "Qwen2.5-7B": shape(3584, 18944, 28, 28, 4, 152_064, False),
    "Qwen2.5-0.5B": shape(896, 4864, 24, 14, 2, 151_936, True),
    "Llama-3-8B": shape(4096, 14336, 32, 32, 8, 128_256, False),
    "SmolLM2-135M": shape(576, 1536, 30, 9, 3, 49_152, True),
}
"""The shapes that people run, all with Qwen2's graph."""


@dataclass(frozen=True)
class Place:
    """One place of one load; sizes in bytes."""

    role: Role
    planned: int
    allocated: int
    states: float
    """Hidden states that there would have to be for both to be equal."""

    @property
    def is_short(self) -> bool:
        """Whether it takes more than a plan may be wrong by."""
        more = self.allocated - self.planned
        return more > 8 * MIB and more > 0.02 * self.allocated


def main() -> int:
    """Measure everything that was asked for."""
    arguments = parse_arguments()
    found: dict[Role, list[Place]] = defaultdict(list)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="constants-")))
        servers = [stack.enter_context(rpc_server()) for _ in range(arguments.remote)]
        os.environ["LOCALQWQ_RPC"] = ",".join(server.address for server in servers)
        machine = detect()
        names = [device.name for device in gpus(machine)]
        print(f"llama.cpp of llama-cpp-python {machine.llama_cpp}, devices: {', '.join(names)}")
        for shape in arguments.shape or SHAPES:
            path = make_sparse_gguf(scratch / shape, SHAPES[shape], "Q8_0")
            for settings in every_setting(arguments):
                for split in splits(read_facts(path), len(names)):
                    for place in measure(path, machine, settings, split):
                        print_place(shape, settings, split, place)
                        found[place.role].append(place)
    print()
    for role, places in found.items():
        states = sorted({round(place.states, 1) for place in places})
        print(f"{role:12} has {HOLDINGS[role].hidden}, found {', '.join(map(str, states))}")
    return int(any(place.is_short for places in found.values() for place in places))


def every_setting(arguments: argparse.Namespace) -> Iterator[ContextSettings]:
    """Contexts and types of KV cache."""
    for context in arguments.ctx or CONTEXTS:
        for kv_type in arguments.kv or KV_TYPES:
            yield ContextSettings(context, kv_type)


def splits(facts: ModelFacts, devices: int) -> Iterator[tuple[int, ...]]:
    """Layers of each device: all and half of them on each alone, and on all of them together."""
    total = facts.layers + 1
    yield (0,) * devices
    for layers in (total, total // 2):
        for index in range(devices):
            yield tuple(layers if index == other else 0 for other in range(devices))
        if devices > 1:
            share = layers // devices
            yield (layers - share * (devices - 1), *[share] * (devices - 1))


def measure(
    path: Path, machine: Machine, settings: ContextSettings, split: Sequence[int]
) -> Iterator[Place]:
    """Make a dry load, and compare place by place."""
    facts = read_facts(path)
    plan = planned(facts, machine, settings, split)
    try:
        buffers = dry_load(path, plan, rpc=machine.rpc_servers)
    except LocalqwqError as error:
        print(f"{path.parent.name} {split}: {error}", file=sys.stderr)
        return
    names = tuple(load.name for load in plan.devices if load.layers)
    state = 4 * plan.settings.batch_tokens * facts.embedding
    beside = bookkeeping_bytes(facts, plan.settings)
    for load in (*plan.devices, plan.host):
        if load.layers or load.name == HOST:
            expected = load.compute - (beside if load.name == HOST else 0)
            allocated = buffers.taken_by(load.name, names)
            states = HOLDINGS[load.role].hidden + (allocated - expected) / state
            yield Place(load.role, expected, allocated, states)


def print_place(shape: str, settings: ContextSettings, split: Sequence[int], place: Place) -> None:
    """One line; sizes in MiB."""
    mark = "  short" if place.is_short else ""
    print(
        f"{shape:13} {settings.context:>7,} {settings.kv_type:5} {'/'.join(map(str, split)):9} "
        f"{place.role:12} planned {place.planned / MIB:8.2f} allocated "
        f"{place.allocated / MIB:8.2f} states {place.states:5.2f}{mark}",
        flush=True,
    )


def parse_arguments() -> argparse.Namespace:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, action="append", default=[])
    parser.add_argument("--ctx", type=int, action="append", help="tokens")
    parser.add_argument("--kv", choices=("f16", "q8_0", "q4_0"), action="append")
    parser.add_argument("--remote", type=int, default=2, help="RPC servers to start")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
