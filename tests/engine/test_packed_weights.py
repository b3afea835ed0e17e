"""What really becomes of weights that are rearranged for the processor of this machine."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.engine.llama.library import binding, buffer_lines
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.probing.buffer_log import buffers_in
from localqwq.engine.probing.repack_buffers import cpu_buffer_types
from localqwq.gguf.facts import read_facts
from localqwq.hardware.detection import detect
from localqwq.models.launch import Launch
from localqwq.planning.constraints import Constraints
from localqwq.planning.plan import plan
from localqwq.server.engine.loader import Loader

MIB = 1 << 20


@pytest.mark.parametrize("name", ["demo-Q8_0.gguf", "demo-Q4_K_M.gguf"])
def test_a_real_load_takes_the_planned_weights(demo_pack: Path, name: str) -> None:
    """Without the file mapped, so that nothing is there twice; AMX adds to each block."""
    binding()
    here, path = detect(), demo_pack / name
    assert here.cpu_buffers == tuple(cpu_buffer_types())
    found = plan(read_facts(path), here, constraints=Constraints(512, "f16", 0))
    assert found.repack
    launch = Launch(path, "demo", LoadOptions(context=512, threads=1)).with_plan(found, here, 512)
    read = replace(launch, load=replace(launch.load, load_mode="read"))
    loader = Loader(read.engine_load, lambda part: None)
    done = threading.Event()
    loader.start(done.set)
    done.wait()
    assert loader.engine is not None
    loader.engine.close()
    weights = [one for one in buffers_in(buffer_lines()) if one.kind == "model"]
    # The demo's output matrix is its token embedding, which is there once.
    assert sum(one.bytes for one in weights) == pytest.approx(found.host.weights, abs=0.02 * MIB)
    assert {one.name for one in weights} <= {"CPU", *here.cpu_buffers}
