"""How weights get into memory."""

from dataclasses import replace

from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB
from localqwq.planning.plan import plan
from tests.machines import MACHINES, gpu, machine, qwq

ROOMY = replace(machine(60 * GIB), swap_total=8 * GIB, lockable=64 * GIB)


def test_mapped_unless_there_is_a_reason() -> None:
    """Read where devices with memory of their own hold every layer."""
    modes = {name: plan(qwq(), here).load_mode for name, here in MACHINES.items()}
    assert {name for name, mode in modes.items() if mode == "read"} == {
        "RTX 4090, 64 GB",
        "2 x 12 GB, 32 GB",
        "16 + 8 GB, 64 GB",
        "H200, 128 GB",
    }
    assert set(modes.values()) == {"mmap", "read"}
    partly = plan(qwq(), machine(60 * GIB, gpu(40 * GIB)), constraints=Constraints(gpu_layers=64))
    assert partly.load_mode == "mmap"


def test_locked_only_where_it_fits_well() -> None:
    """On machines that swap, within the limit, and with as much left for others."""
    assert plan(qwq(), ROOMY, context=8192).load_mode == "lock"
    for worse in (
        replace(ROOMY, swap_total=0),
        replace(ROOMY, lockable=8 << 20),
        replace(ROOMY, lockable=30 * GIB),
        replace(ROOMY, ram_available=32 * GIB),
    ):
        assert plan(qwq(), worse, context=8192).load_mode == "mmap"
