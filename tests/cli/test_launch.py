"""How the commands load a model here: as long a context as memory reaches, and what was asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.engine.probing.buffer_log import Buffer
from localqwq.engine.probing.learned_margins import expected_of
from localqwq.engine.probing.residuals import record
from localqwq.gguf.facts import read_facts
from localqwq.hardware.machine import Machine
from localqwq.locations import cache_directory
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.spec import ResolvedModel
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB, MIB
from localqwq.planning.plan import plan
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.machines import outlook

YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192}
LARGE = Machine("a processor", 2, 4, 64 * GIB, 60 * GIB)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ResolvedModel:
    """A model for 8,192 tokens, and with YaRN for 32,768."""
    folder = tmp_path_factory.mktemp("long")
    checkpoint = make_checkpoint(
        folder / "checkpoint", layers=12, context=8192, config={"rope_scaling": YARN}
    )
    convert(checkpoint, folder / "pack", ["Q8_0"], name="long")
    return ResolvedModel(folder / "pack" / "long-Q8_0.gguf", "long", "Q8_0", outlook(LARGE))


def test_room_to_grow(model: ResolvedModel) -> None:
    """What needs no scaling to begin with, and all that the model can do when it is needed."""
    found = launch(model, None, parallel=3)
    assert (found.load.context, found.load.longest) == (8192, 32_768)
    assert found.load.parallel == 3
    assert found.states == cache_directory() / "states"


def test_memory_bounds_the_growth(model: ResolvedModel) -> None:
    """The longest context fits with the weights as they are, and 4,096 tokens more do not."""
    facts = read_facts(model.path)
    constraints = Constraints(8192, "f16", 0)
    least = plan(facts, LARGE, constraints=constraints).host
    room = (least.used + least.kv_cache) * 4 // 3  # a quarter of it is left alone
    small = Machine("a processor", 2, 4, room, room)
    found = launch(replace(model, outlook=outlook(small)), None)
    longest = found.load.longest
    assert found.load.context == 8192
    assert longest is not None
    assert 8192 <= longest < 32_768
    for context, fits in ((longest, True), (longest + 4096, False)):
        wished = replace(constraints, context=context, kv_type=found.load.kv_type)
        longer = plan(facts, small, constraints=wished)
        assert found.plan is not None
        assert (longer.fits and longer.repack == found.plan.repack) is fits


def test_what_was_asked_for_stays(model: ResolvedModel) -> None:
    """A context with --ctx does not grow; a type of the cache is kept to."""
    found = launch(model, LaunchOptions(1024, kv_type="q8_0", rope="off"), keep_states=False)
    load = found.load
    assert (load.context, load.longest, load.kv_type, load.rope) == (1024, 1024, "q8_0", "off")
    assert found.states is None


def test_a_tight_plan_is_confirmed(model: ResolvedModel, home: Path) -> None:
    """By a dry load; where there is room to spare, nobody waits for one."""
    launch(model, LaunchOptions(8192))
    assert not (home / "cache" / "dry-loads.json").exists()
    used = plan(read_facts(model.path), LARGE, constraints=Constraints(8192, "f16")).host.used
    room = used * 4 // 3 + MIB  # a quarter of it is left alone
    tight = replace(model, outlook=outlook(Machine("a processor", 2, 4, room, room)))
    found = launch(tight, LaunchOptions(8192))
    assert (home / "cache" / "dry-loads.json").exists()
    assert found.plan is not None
    assert found.plan.fits


def test_what_was_learned_is_left_alone(model: ResolvedModel) -> None:
    """An earlier load that took more than its plan makes the next plan more careful."""
    before = launch(model, LaunchOptions(8192)).plan
    assert before is not None
    [place] = expected_of(before, LARGE)
    made = [Buffer("CPU_Mapped", "model", 1), Buffer("CPU", "KV", place.rest + 9 * MIB)]
    record([place], made, {})
    after = launch(replace(model, outlook=outlook(LARGE)), LaunchOptions(8192)).plan
    assert after is not None
    assert after.host.margin == before.host.margin + 9 * MIB
