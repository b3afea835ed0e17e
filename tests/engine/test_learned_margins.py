"""What loads took beyond their plans, and how the next plans leave room for it."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from localqwq.engine.load_options import LoadOptions
from localqwq.engine.probing.buffer_log import Buffer, buffers_in
from localqwq.engine.probing.learned_margins import expected_of, learned_margins
from localqwq.engine.probing.residuals import record
from localqwq.gguf.facts import read_facts
from localqwq.hardware.cache_file import CacheFile
from localqwq.models.launch import Launch
from localqwq.planning.memory import GIB, MIB, LoadMode, bookkeeping_bytes
from localqwq.planning.placement import HOST
from localqwq.planning.plan import Plan, plan
from localqwq.server.engine.loader import Loader
from tests.machines import gpu, machine, qwq

CARD = machine(60 * GIB, gpu(23.5 * GIB))
NAMES = {"CUDA0": "CUDA0"}
LOG = """
load_tensors:   CPU_Mapped model buffer size =   417.66 MiB
load_tensors:        CUDA0 model buffer size = 18508.35 MiB
llama_context:  CUDA_Host  output buffer size =     0.58 MiB
llama_kv_cache: size = 4352.00 MiB ( 32768 cells,  64 layers,  1/1 seqs)
llama_kv_cache:      CUDA0 KV buffer size =  4352.00 MiB
sched_reserve:      CUDA0 compute buffer size =   244.1250 MiB
sched_reserve:  CUDA_Host compute buffer size =    42.01 MiB
"""


def made(found: Plan, more: int, *, mapped: bool = False) -> list[Buffer]:
    """What llama.cpp would say if the card took so many bytes more than planned."""
    card, host = found.devices[0], found.host
    name = "CUDA0_Mapped" if mapped else "CUDA0"
    beside = bookkeeping_bytes(found.facts, found.settings)
    return [
        Buffer("CPU_Mapped", "model", found.facts.weight_bytes),
        Buffer(name, "model", card.weights * (2 if mapped else 1)),
        Buffer("CUDA0", "KV", card.kv_cache + more),
        Buffer("CUDA0", "compute", card.compute),
        Buffer("CUDA_Host", "compute", host.compute - beside),
    ]


def test_what_llama_cpp_logs() -> None:
    """Buffers by name and kind, and no sums of them."""
    found = buffers_in(LOG.splitlines())
    assert [(one.name, one.kind) for one in found] == [
        ("CPU_Mapped", "model"),
        ("CUDA0", "model"),
        ("CUDA_Host", "output"),
        ("CUDA0", "KV"),
        ("CUDA0", "compute"),
        ("CUDA_Host", "compute"),
    ]
    assert found[4].bytes == round(244.125 * MIB)


@pytest.mark.parametrize("mapped", [False, True])
def test_more_than_planned_becomes_a_margin(mapped: bool) -> None:
    """Of that device and build, the worst of the last loads; less than planned becomes none."""
    found = plan(qwq(), CARD, context=8192)
    expected = expected_of(found, CARD)
    for more in (0, 300 * MIB, -100 * MIB):
        kept = record(expected, made(found, more, mapped=mapped), NAMES)
        assert kept == {"CUDA0": more, HOST: 0}
    assert learned_margins(CARD) == {("CUDA0", "start"): 300 * MIB}
    assert learned_margins(machine(GIB, gpu(GIB, "CUDA1"))) == {}
    again = plan(qwq(), CARD, context=8192, margins=learned_margins(CARD))
    assert again.devices[0].margin == found.devices[0].margin + 300 * MIB
    assert again.devices[0].used == found.devices[0].used
    for _ in range(8):
        record(expected, made(found, 0), NAMES)
    assert learned_margins(CARD) == {}


def test_a_damaged_notebook_teaches_nothing() -> None:
    """Whatever is in it."""
    found = plan(qwq(), CARD, context=8192)
    record(expected_of(found, CARD), made(found, GIB), NAMES)
    [key, _] = CacheFile("residuals").read()
    for damage in ("much", ["much"], {"much": 1}):
        CacheFile("residuals").write(key, damage)
        assert learned_margins(CARD) == {}


@pytest.mark.parametrize("mode", get_args(LoadMode))
def test_a_real_load_takes_what_was_planned(demo_gguf: Path, mode: LoadMode) -> None:
    """However weights get into memory, and so nothing is learned from it."""
    here = machine(64 * GIB)
    found = plan(read_facts(demo_gguf), here, context=1024)
    launch = Launch(demo_gguf, "demo", LoadOptions(context=1024, threads=1)).with_plan(
        found, here, 1024
    )
    launch = replace(launch, load=replace(launch.load, load_mode=mode))
    loader = Loader(launch.engine_load, lambda part: None)
    done = threading.Event()
    loader.start(done.set)
    done.wait()
    assert loader.engine is not None
    loader.engine.close()
    [(residual,)] = CacheFile("residuals").read().values()
    assert -MIB < residual < 64 << 10  # without a dry load the plan is a little generous
    assert learned_margins(here) == {}


def test_devices_that_hold_nothing_are_not_used() -> None:
    """llama.cpp would keep buffers there."""
    here = machine(60 * GIB, gpu(GIB / 4), gpu(23.5 * GIB, "CUDA1"))
    found = plan(qwq(), here)
    launch = Launch(Path("model.gguf"), "qwq", LoadOptions(context=1024, threads=1)).with_plan(
        found, here, 1024
    )
    assert launch.load.devices == ("CUDA1",)
    assert launch.load.tensor_split == (found.devices[1].layers,)
    assert Launch.from_json(launch.as_json()).load == launch.load
    without = plan(qwq(), machine(60 * GIB))
    launch = launch.with_plan(without, machine(60 * GIB), 1024)
    assert Launch.from_json(launch.as_json()).load.devices == ()
