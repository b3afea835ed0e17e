"""The plan for QwQ-32B's shape equals llama.cpp's own numbers, from a file that takes no disk."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from localqwq.engine.probing.confirm_plan import confirm
from localqwq.engine.probing.dry_load import DryLoadTimeout, dry_load
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB, MIB, bookkeeping_bytes
from localqwq.planning.placement import HOST
from localqwq.planning.plan import plan
from tests.checkpoints import write_json
from tests.machines import gpu, machine, qwq
from tests.sparse import QWQ, make_sparse_gguf

LARGE = machine(256 * GIB)


@pytest.fixture(scope="module")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """QwQ-32B in Q4_K_M: 19.8 GB of holes."""
    return make_sparse_gguf(tmp_path_factory.mktemp("full"), QWQ, "Q4_K_M")


def test_a_configuration_tells_the_same_as_the_file(full_size: Path) -> None:
    """Nothing has to be converted or downloaded for a plan."""
    read, told = read_facts(full_size), qwq()
    apart = {"path", "name", "bytes", "chat_template"}
    for field in fields(read):
        if field.name not in apart:
            assert getattr(read, field.name) == getattr(told, field.name), field.name
    assert told.bytes == pytest.approx(read.bytes, rel=1e-3)  # a vocabulary is missing


def test_weights_and_cache_of_qwq() -> None:
    """What llama.cpp logs for this model, in MiB of weights and KiB of cache for a token."""
    weights = {quant: qwq(quant).weight_bytes / MIB for quant in ("Q4_K_M", "Q8_0")}
    assert weights == pytest.approx({"Q4_K_M": 18_926.01, "Q8_0": 33_202.08}, abs=0.005)
    per_token = {kind: qwq().kv_bytes_per_token(kind) for kind in ("f16", "q8_0", "q4_0")}
    assert per_token == {"f16": 256 * 1024, "q8_0": 136 * 1024, "q4_0": 72 * 1024}


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(32_768, "f16"),
        Constraints(131_072, "f16"),
        Constraints(131_072, "q8_0", parallel=4),
        Constraints(8192, "q4_0"),
    ],
)
def test_buffers_are_those_of_a_dry_load(full_size: Path, constraints: Constraints) -> None:
    """To within the rounding of llama.cpp's log."""
    found = plan(read_facts(full_size), LARGE, constraints=constraints)
    buffers = dry_load(full_size, found)
    assert buffers.kv_cache == pytest.approx(found.host.kv_cache, abs=0.01 * MIB)
    beside = bookkeeping_bytes(found.facts, found.settings)
    too_much = found.host.compute - beside - buffers.taken_by(HOST, ())
    assert too_much == pytest.approx(0, abs=0.05 * MIB)
    confirmed = confirm(found, LARGE, constraints=constraints)
    assert confirmed.host.compute == buffers.taken_by(HOST, ()) + beside
    assert replace(confirmed.host, compute=0) == replace(found.host, compute=0)


def test_a_confirmed_plan_may_hold_less(demo_gguf: Path) -> None:
    """What comes out fits with llama.cpp's own numbers, too, or is said not to."""
    facts = read_facts(demo_gguf)
    found = plan(facts, machine(64 * MIB), context=facts.longest_context)
    confirmed = confirm(found, machine(64 * MIB), constraints=Constraints(facts.longest_context))
    assert confirmed.fits == (confirmed.host.total <= confirmed.host.free)
    assert confirmed.context == found.context


def test_a_dry_load_that_hangs_costs_a_sentence(demo_gguf: Path) -> None:
    """It is ended, and the plan stays what it was."""
    found = plan(read_facts(demo_gguf), LARGE)
    with pytest.raises(DryLoadTimeout, match="within 0 seconds"):
        dry_load(demo_gguf, found, time_limit=0.01)
    assert confirm(found, LARGE, time_limit=0.01) == found


def test_a_dry_load_that_fails_tells_why(tmp_path: Path, demo_gguf: Path) -> None:
    """llama.cpp's own word, in one sentence; and devices that are not here are not guessed at."""
    found = plan(read_facts(demo_gguf), LARGE)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with pytest.raises(LocalqwqError, match=r"cannot load broken\.gguf as planned \(.+\)"):
        dry_load(broken, found)
    elsewhere = plan(read_facts(demo_gguf), machine(GIB, gpu(GIB, "NOTHERE0")))
    with pytest.raises(LocalqwqError, match="The device NOTHERE0 is gone"):
        dry_load(demo_gguf, elsewhere)


def test_configurations_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """As a conversion refuses them."""
    from localqwq_convert.prospect import Prospect

    path = tmp_path / "config.json"
    for change in ({"num_hidden_layers": 10**9}, {"architectures": ["Other"]}, {"hidden_size": 0}):
        write_json(path, QWQ | change)
        with pytest.raises(LocalqwqError):
            Prospect.read(path).facts("Q4_K_M")
    write_json(path, QWQ)
    with pytest.raises(LocalqwqError, match="no quantization"):
        Prospect.read(path).facts("Q9")
    with pytest.raises(LocalqwqError, match=r"nothere\.json"):
        Prospect.read(tmp_path / "nothere.json").facts("Q4_K_M")
