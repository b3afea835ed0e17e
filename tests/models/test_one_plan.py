"""Every command plans a model alike: with the same devices, speeds, margins and default."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localqwq.cli.main import main
from localqwq.engine.probing.buffer_log import Buffer
from localqwq.engine.probing.dry_load import DryLoadTimeout
from localqwq.engine.probing.learned_margins import expected_of
from localqwq.engine.probing.residuals import record
from localqwq.engine.probing.speeds import speeds_key
from localqwq.errors import LocalqwqError
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Machine
from localqwq.locations import catalogue_directories, packs_directory, settings_file
from localqwq.models.choosing import ChooseForHere
from localqwq.models.launching import launch
from localqwq.models.outlook import look
from localqwq.models.spec import resolve
from localqwq.packs import catalogue
from localqwq.packs.store.incoming import incoming
from localqwq.packs.store.store import Store
from localqwq.planning.memory import GIB
from localqwq.planning.plan import Plan
from localqwq.tui.session.local_supply import LocalSupply
from tests.machines import MACHINES, gpu, machine
from tests.sparse import QWQ, make_sparse_gguf

_Q4_K = 12
UNLIKE = machine(120 * GIB, gpu(40 * GIB, "CUDA0"), gpu(46 * GIB, "CUDA1"))
"""The smaller card is the faster one."""

Layers = tuple[bool, tuple[tuple[str, int], ...]]
"""Whether it fits, and the layers of each device that has any."""


@pytest.fixture(scope="module")
def qwq_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """QwQ-32B in Q4_K_M: 19.8 GB of holes."""
    folder = tmp_path_factory.mktemp("full")
    return make_sparse_gguf(folder, QWQ, "Q4_K_M").rename(folder / "full-Q4_K_M.gguf")


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Machine], None]]:
    """Be on a machine, whose speeds are known and which no dry load can be made on."""

    def no_dry_load(*_: object) -> None:
        raise DryLoadTimeout("There is no such device here.")

    def be_on(there: Machine) -> None:
        for name, bandwidth in (("CPU", 4e10), ("CUDA0", 9e11), ("CUDA1", 3e11), ("MTL0", 3e11)):
            known = {"bandwidth": bandwidth, "flops": 1e13, "latency": 1e-6, "share": 1.0}
            speeds = {**known, "trip": 0.0, "mapped_bandwidth": None, "mapped_flops": None}
            CacheFile("speeds").write(speeds_key(there, name, _Q4_K), speeds)
        monkeypatch.setattr("localqwq.models.outlook.detect", lambda: there)

    monkeypatch.setattr("localqwq.engine.probing.confirm_plan.known_load", no_dry_load)
    yield be_on


@pytest.fixture(autouse=True)
def small_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of all that the real one offers would take the tests' time."""
    [shipped, *_] = catalogue_directories()
    folder = tmp_path / "catalogue"
    folder.mkdir()
    shutil.copy(shipped / "qwq-32b.toml", folder)
    monkeypatch.setattr("localqwq.packs.catalogue.catalogue_directories", lambda: (folder,))


@pytest.fixture
def installed(qwq_gguf: Path, tmp_path: Path) -> str:
    """The name of QwQ in the store, where nobody has read all of its holes."""
    arrival = incoming(qwq_gguf)
    [item] = arrival.items
    folder = packs_directory() / "arrived"
    folder.mkdir(parents=True)
    (folder / item.file_name).hardlink_to(qwq_gguf)
    manifest = arrival.manifest([item.checked("0" * 64)])
    [model] = Store(packs_directory()).place(folder, manifest)
    return model.spec


def of_plan(plan: Plan | None) -> Layers:
    """What a plan says."""
    assert plan is not None
    return plan.fits, tuple((load.name, load.layers) for load in plan.devices if load.layers)


def of_document(found: Any) -> Layers:
    """What ``plan --json`` says."""
    devices = ((one["name"], one["layers"]) for one in found["devices"] if one["layers"])
    return found["fits"], tuple(devices)


def of_launch(spec: str, parallel: int) -> Layers:
    """What a start does, which refuses what does not fit."""
    try:
        load = launch(resolve(spec), None, parallel=parallel).load
    except LocalqwqError:
        return False, ()
    return True, tuple(zip(load.devices or (), map(int, load.tensor_split), strict=True))


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints for scripts."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def answers(spec: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Layers]:
    """Where each caller would put the model: starts, `plan`, and what the app shows (F3)."""
    [row] = [one for one in LocalSupply().planned().installed if one.spec == spec]
    return {
        "ask and Python": of_launch(spec, 1),
        "chat": of_launch(spec, 2),
        "serve": of_launch(spec, 4),
        "plan": of_document(document(capsys, "plan", spec)),
        "F3": of_plan(row.plan),
    }


def counts(spec: str, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[bool, int]]:
    """Callers that tell the number of offloaded layers only."""
    models = document(capsys, "models")["installed"]
    doctor = document(capsys, "doctor")["models"]
    name, _, quant = spec.partition(":")
    [listed] = [one for one in models if (one["name"], one["quant"]) == (name, quant)]
    [advised] = [one for one in doctor if one["model"] == spec]
    return {
        "models": (listed["fits"], listed["layers_offloaded"]),
        "doctor": (advised["fits"], advised["layers_offloaded"]),
    }


def test_the_faster_card_is_everybodys(
    installed: str, on: Callable[[Machine], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """All layers on the faster one of two cards, whoever is asked."""
    on(UNLIKE)
    assert set(answers(installed, capsys).values()) == {(True, (("CUDA0", 65),))}
    assert set(counts(installed, capsys).values()) == {(True, 65)}


@pytest.mark.parametrize("name", MACHINES)
def test_all_callers_agree(
    name: str, installed: str, on: Callable[[Machine], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """On every computer that people have."""
    on(MACHINES[name])
    found = answers(installed, capsys)
    [(fits, layers)] = set(found.values()) if found["plan"][0] else {found["plan"]}
    assert {verdict for verdict, _ in found.values()} == {fits}
    if fits:
        told = (True, sum(count for _, count in layers))
        assert set(counts(installed, capsys).values()) == {told}


def test_margins_that_were_learned_count_for_lists_too(
    installed: str, on: Callable[[Machine], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What a start refuses, no list names as the default."""
    on(MACHINES["32 GB"])
    plan = look().plan_file(resolve(installed).path)
    assert plan is not None
    assert plan.fits
    before = resolve(None)
    assert before.spec == installed
    there = MACHINES["32 GB"]
    [place] = expected_of(plan, there)
    more = Buffer("CPU", "KV", place.rest + 20 * GIB)
    record([place], [Buffer("CPU_Mapped", "model", 1), more], {})
    with pytest.raises(LocalqwqError, match=r"does not fit|needs"):
        launch(resolve(installed), None)
    rows = document(capsys, "models")["installed"]
    assert {row["name"]: row["fits"] for row in rows}[installed.partition(":")[0]] is False
    assert [row["name"] for row in rows if row["default"]] == ["demo"]
    assert resolve(None).name == "demo"


@pytest.mark.parametrize("chosen", ["full:q4_k_m", "full", "demo"])
def test_the_default_that_is_marked_is_the_one_that_is_used(
    chosen: str, installed: str, on: Callable[[Machine], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the settings name it."""
    on(MACHINES["RTX 4090, 64 GB"])
    settings_file().write_text(f'model = "{chosen}"\n')
    used = resolve(None)
    assert used.name == chosen.partition(":")[0]
    rows = document(capsys, "models")["installed"]
    assert [f"{row['name']}:{row['quant']}" for row in rows if row["default"]] == [used.spec]
    [marked] = [one.spec for one in LocalSupply().planned().installed if one.is_default]
    assert marked == used.spec


def test_a_default_that_is_gone_is_marked_nowhere(
    installed: str, on: Callable[[Machine], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Lists go on; whoever needs the model is told."""
    on(MACHINES["RTX 4090, 64 GB"])
    settings_file().write_text('model = "gone"\n')
    assert not any(row["default"] for row in document(capsys, "models")["installed"])
    with pytest.raises(LocalqwqError, match="gone"):
        resolve(None)


def test_downloads_are_chosen_by_the_same_plans(on: Callable[[Machine], None]) -> None:
    """The quantization that `pull` takes is the one that lists recommend."""
    entry = catalogue.read().entries["qwq-32b"]
    for name in ("RTX 4090, 64 GB", "H200, 128 GB", "32 GB"):
        on(MACHINES[name])
        [offered] = [one for one in LocalSupply().planned().offered if one.entry == entry]
        assert ChooseForHere().of_entry(entry).quant == offered.best.quant


def test_a_model_of_the_catalogue_is_planned_before_it_is_here(
    on: Callable[[Machine], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name alone, with the quantization that suits, or the one that is named."""
    on(MACHINES["RTX 4090, 64 GB"])
    assert document(capsys, "plan", "qwq-32b")["layers_offloaded"] == 65
    assert document(capsys, "plan", "QwQ-32B:Q8_0")["quant"] == "Q8_0"
    assert main(["plan", "qwq-32b:Q9"]) == 1
    assert "qwq-32b has no Q9: choose one of " in capsys.readouterr().err


def test_the_memory_of_the_model_that_is_held_counts_as_free(
    installed: str, on: Callable[[Machine], None]
) -> None:
    """Another one would take its place."""
    there = MACHINES["RTX 4090, 64 GB"]
    on(there)
    held = look().plan_file(resolve(installed).path)
    assert held is not None
    [card] = there.devices
    taken = replace(card, free=card.free - held.devices[0].used)
    on(replace(there, devices=(taken,)))
    assert look(held=held).machine.devices[0].free == card.free
    assert look().machine.devices[0].free < card.free
