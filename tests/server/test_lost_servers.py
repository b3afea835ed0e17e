"""An engine whose RPC server was lost: what is said of it, and how the next one is planned."""

from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.hardware.machine import Device, Machine
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.spec import ResolvedModel
from localqwq.planning.memory import GIB
from localqwq.server.supervision.deaths import (
    Death,
    Shortage,
    death_of,
    load_failure_of,
    speaks_of_lost_server,
)
from localqwq.server.supervision.restarts import Restarts
from localqwq.server.supervision.step_down import lesser
from tests.machines import outlook

GONE = "127.0.0.1:1"
LOST = Death("It is lost.", Shortage.NO, lost_server=True)


@pytest.mark.parametrize(
    "line",
    [
        "ggml-rpc.cpp:566: Remote RPC server crashed or returned malformed response",
        "/tmp/ggml-rpc.cpp:547: Failed to connect to 10.0.0.7:50052",
        "ggml-rpc.cpp:550: RPC handshake failed for big:50052",
    ],
)
def test_what_ggml_says(line: str) -> None:
    """Its last words tell that a server was lost, not that it crashed for a reason of its own."""
    assert speaks_of_lost_server(line)
    assert not speaks_of_lost_server("ggml.c:7: GGML_ASSERT(false) failed")


def test_what_people_read() -> None:
    """One sentence, while it answered and while it was loading."""
    log = Path("engine.log")
    death = death_of(-6, None, short=False, oom_killed=False, log=log, lost_server=True)
    assert death.lost_server
    assert death.shortage is Shortage.NO
    assert death.sentence.startswith("The engine ended because an RPC server that held part of")
    failure = load_failure_of(-6, None, short=False, oom_killed=False, log=log, lost_server=True)
    assert failure.death is not None
    assert failure.death.lost_server
    assert "stopped while loading (an RPC server that held part" in str(failure)


def test_a_loss_is_planned_anew() -> None:
    """As memory that ran out would be, and it is no reason to suspect the memory next time."""
    restarts = Restarts()
    assert restarts.died(Shortage.NO, lost_server=True)
    assert not restarts.died(Shortage.LIKELY)


def test_the_plan_without_it(demo_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes to what is left, and the server is named; if it is back, nothing changes."""
    remote = Device("RPC0", GONE, "GPU", GIB, GIB)
    machine = Machine("a processor", 2, 4, 8 * GIB, 6 * GIB, (remote,))
    before = launch(ResolvedModel(demo_gguf, "demo", "Q8_0", outlook(machine)), LaunchOptions(512))
    assert before.load.rpc == (GONE,)
    assert before.load.gpu_layers > 0
    monkeypatch.setenv("LOCALQWQ_RPC", GONE)
    less = lesser(before, LOST)
    assert less is not None
    load = less.launch.load
    assert (load.rpc, load.gpu_layers, load.context) == ((), 0, 512)
    assert less.change.startswith(f"without {GONE}, with 0 instead of")
    assert lesser(replace(before, load=replace(before.load, rpc=())), LOST) is None
