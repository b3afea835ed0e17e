"""What the app is told of the models: the memory of the one that is loaded counts as free."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from localqwq.hardware.machine import Machine
from localqwq.locations import packs_directory
from localqwq.models.outlook import without_held
from localqwq.models.stock import Installed, glance, with_known_plans
from localqwq.packs.store.store import Store
from localqwq.planning.memory import GIB
from localqwq.planning.plan import plan
from tests.machines import gpu, qwq


@given(st.integers(4, 80), st.integers(30, 200))
def test_the_memory_of_the_loaded_model_counts_as_free(device_gib: int, ram_gib: int) -> None:
    """Another model takes its place, so it is planned for as if that one were not there."""
    before = Machine("a processor", 8, 16, ram_gib * GIB, ram_gib * GIB, (gpu(device_gib * GIB),))
    held = plan(qwq(), before)
    after = replace(
        before,
        devices=tuple(
            replace(device, free=device.free - load.used)
            for device, load in zip(before.devices, held.devices, strict=True)
        ),
    )
    assert without_held(after, held).devices == before.devices
    assert without_held(after, held).ram_available <= before.ram_total
    assert without_held(before, None) == before


def test_a_glance_knows_the_demo_and_the_catalogue_without_plans() -> None:
    """What takes seconds comes later, and is not forgotten afterwards."""
    stock = glance(Store(packs_directory()))
    assert stock.installed == (Installed("demo"),)
    assert "qwq-32b" in [one.entry.name for one in stock.offered]
    assert all(one.best.plan is None for one in stock.offered)
    assert stock.room > 0
    made = plan(qwq(), Machine("a processor", 8, 16, 64 * GIB, 60 * GIB))
    first = stock.offered[0]
    seen = replace(
        stock, offered=(replace(first, best=replace(first.best, plan=made)), *stock.offered[1:])
    )
    assert with_known_plans(stock, seen).offered == seen.offered
