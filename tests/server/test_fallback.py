"""What is started instead where memory ran out."""

from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.facts import read_facts
from localqwq.hardware.detection import detect
from localqwq.models.launch import Launch
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB
from localqwq.planning.plan import plan
from localqwq.server.supervision.deaths import Death, Shortage
from localqwq.server.supervision.step_down import lesser
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.machines import gpu, machine
from tests.sparse import QWQ, make_sparse_gguf

SHORT = Death("Memory ran out.", Shortage.CERTAIN)
SHORT_ON_DEVICE = Death("Memory ran out.", Shortage.CERTAIN, on_device=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Most of its memory is the KV cache: 12 KiB for each token."""
    folder = tmp_path_factory.mktemp("model")
    checkpoint = make_checkpoint(folder / "checkpoint", layers=12, kv_heads=4, context=32_768)
    convert(checkpoint, folder / "pack", ["Q8_0"], name="model")
    return folder / "pack" / "model-Q8_0.gguf"


def test_the_next_plan_down(model: Path) -> None:
    """Step by step, and each is what the engine gets, until nothing is left to give up."""
    here, constraints = detect(), Constraints(16_384)
    found = plan(read_facts(model), here, constraints=constraints)
    launch = Launch(
        model, "model", LoadOptions(context=16_384, threads=1), constraints=constraints
    ).with_plan(found, here, 32_768)
    changes = []
    while (less := lesser(launch, SHORT)) is not None:
        launch = less.launch
        changes.append(less.change)
        assert launch.plan is not None
        assert launch.load.longest == launch.load.context == launch.plan.context
        assert launch.load.kv_type == launch.plan.kv_type
        assert len(changes) < 30
    assert "KV cache in Q8_0 instead of F16" in changes[0]
    assert "tokens instead of 16,384" in changes[1]
    assert launch.load.context >= 2048


def test_a_smaller_quantization_that_is_installed(tmp_path: Path) -> None:
    """It comes when the larger one has nothing left to give up; its name says so."""
    config = QWQ | {"num_hidden_layers": 2, "vocab_size": 4096}
    large, small = (make_sparse_gguf(tmp_path, config, quant) for quant in ("Q8_0", "Q4_K_M"))
    here = replace(detect(), devices=())
    found = plan(read_facts(large), here, constraints=Constraints(256, "f16"))
    launch = Launch(
        large, "demo:Q8_0", LoadOptions(context=256, threads=1), constraints=Constraints(256, "f16")
    )
    launch = replace(launch, smaller=(read_facts(small),)).with_plan(found, here, 256)
    changes = []
    while (less := lesser(launch, SHORT)) is not None:
        launch = less.launch
        changes.append(less.change)
        assert len(changes) < 30
    assert any("the quantization Q4_K_M instead of Q8_0" in change for change in changes)
    assert (launch.model, launch.name, launch.smaller) == (small, "demo:Q4_K_M", ())
    assert Launch.from_json(launch.as_json()).model == small


def test_the_place_that_was_short(model: Path) -> None:
    """A device's shortage costs the host nothing, and the other way round."""
    there = machine(64 * GIB, gpu(64 * GIB))
    found = plan(read_facts(model), there)
    launch = Launch(model, "model", LoadOptions(context=found.context, threads=1)).with_plan(
        found, there, found.context
    )
    elsewhere = lesser(launch, SHORT_ON_DEVICE)
    assert elsewhere is not None
    # That card is not in this machine: the processor takes over, and nothing else is given up.
    assert elsewhere.launch.load.devices == ()
    assert (elsewhere.launch.load.context, elsewhere.launch.load.kv_type) == (found.context, "f16")


def test_what_nobody_planned() -> None:
    """Half the context, down to what a model that thinks needs."""
    launch = Launch(Path("model.gguf"), "model", LoadOptions(context=6000, threads=1))
    contexts = []
    while (less := lesser(launch, SHORT)) is not None:
        launch = less.launch
        contexts.append(launch.load.context)
    assert contexts == [3000, 2048]
