"""``localqwq models`` reads like advice, on machines that people have."""

import os
from dataclasses import replace

import pytest

from localqwq.cli.main import main
from localqwq.cli.models_json import as_json
from localqwq.cli.models_list import stock_lines
from localqwq.engine.probing import speeds
from localqwq.hardware.machine import Machine
from localqwq.models import outlook
from localqwq.models.offers import Offered, planned
from localqwq.models.outlook import Outlook, look
from localqwq.models.stock import Installed, Stock
from localqwq.packs import catalogue
from tests.known_speeds import note_speeds
from tests.machines import MACHINES

KEYS = ["name", "quant", "bytes", "source", "fits", "layers_offloaded", "layers_total"]


def of(name: str, machine: Machine) -> Offered:
    """A model of the catalogue, with plans for a machine."""
    found = planned(catalogue.read().entries[name], Outlook(machine))
    assert found is not None
    return found


def stock(machine: str, *names: str) -> Stock:
    """What there is on a machine with an empty store and a catalogue of these models."""
    here = MACHINES[machine]
    offered = tuple(of(name, here) for name in names)
    installed = (Installed("demo", is_default=True),)
    return Stock(machine=here, installed=installed, offered=offered, place="/packs")


def shown(found: Stock) -> list[str]:
    """What people read."""
    return list(stock_lines(found))


def test_what_fits_and_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graphics card of 24 GB takes all of QwQ; the largest model is too large for a laptop."""
    monkeypatch.setenv("COLUMNS", "80")
    names = ("qwq-32b", "r1-distill-llama-70b", "qwen2.5-0.5b")
    found = stock("RTX 4090, 64 GB", *names)
    lines = shown(found)
    assert lines[0].startswith("This machine: 8 cores, 61.0 GiB of memory (60.0 GiB available)")
    think = next(i for i, line in enumerate(lines) if "think before" in line)
    at_once = next(i for i, line in enumerate(lines) if "answer at once" in line)
    assert lines[think + 2].startswith("  qwq-32b:Q")
    assert "all on CUDA0" in lines[think + 2]
    assert lines[at_once + 2].startswith("  qwen2.5-0.5b:")
    assert all(len(line) <= 80 for line in lines[think:at_once])

    assert not any("many minutes" in line for line in lines)

    small = shown(stock("16 GB", "r1-distill-llama-70b"))
    too_large = next(i for i, line in enumerate(small) if line.startswith("Too large"))
    assert "needs 2" in small[too_large + 1]


def test_slow_machines_are_told() -> None:
    """What that means for a model that thinks is said, too."""
    here = replace(MACHINES["32 GB"], ram_bandwidth=1e10, cpu_flops=1e11, cpu_latency=1e-5)
    found = stock("32 GB", "qwq-32b")
    lines = shown(replace(found, machine=here, offered=(of("qwq-32b", here),)))
    assert any("0.43" in line and "on the processor" in line for line in lines)
    assert any(line.startswith("Thoughts are thousands of tokens long") for line in lines)


def test_little_context_is_told() -> None:
    """A thought needs room, too; where there is enough, nothing is said."""
    roomy = stock("32 GB", "qwq-32b")
    [found] = roomy.offered
    assert found.best.plan
    cramped = replace(found.best, plan=replace(found.best.plan, context=4096))
    short = replace(found, best=cramped)
    words = "The context of qwq-32b would be short here"
    assert any(one.startswith(words) for one in shown(replace(roomy, offered=(short,))))
    assert not any(one.startswith(words) for one in shown(roomy))


def test_speeds_that_are_not_known() -> None:
    """A column of dashes is explained."""
    here = replace(MACHINES["32 GB"], llama_cpp="b1")
    words = "No speeds are shown"
    unknown = shown(replace(stock("32 GB", "qwq-32b"), machine=here))
    assert any(line.startswith(words) for line in unknown)
    known = replace(here, ram_bandwidth=1e10, cpu_flops=1e11, cpu_latency=1e-5)
    shown_then = shown(replace(stock("32 GB", "qwq-32b"), machine=known))
    assert not any(line.startswith(words) for line in shown_then)


@pytest.mark.parametrize(("load", "measured"), [(0.0, True), (99.0, False)])
def test_a_busy_machine_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, load: float, measured: bool
) -> None:
    """It would take seconds, for figures that nobody uses; what is known is known."""
    cores = os.cpu_count() or 1
    monkeypatch.setattr(os, "getloadavg", lambda: (load * cores, 0.0, 0.0))
    asked: list[str] = []
    monkeypatch.setattr(speeds, "_measured", lambda machine, device, kind: asked.append(device))
    here = replace(MACHINES["32 GB"], llama_cpp="b1")
    monkeypatch.setattr(outlook, "detect", lambda: here)
    assert look(measure="if quiet").machine == here
    assert (asked == ["CPU"]) == measured
    assert look().machine == here
    assert len(asked) == measured


def test_what_scripts_read() -> None:
    """Every quantization on offer, with its verdict."""
    document = as_json(stock("8 GB laptop, 32 GB", "qwq-32b", "qwen2.5-0.5b"))
    assert document["installed"][0]["name"] == "demo"
    for entry in document["catalogue"]:
        assert list(entry)[: len(KEYS)] == KEYS
        assert entry["layers_offloaded"] <= entry["layers_total"]
        assert entry["why"].endswith(".")
    assert {entry["name"] for entry in document["catalogue"]} == {"qwq-32b", "qwen2.5-0.5b"}


def test_what_pull_takes_is_offered() -> None:
    """Not the largest where a smaller one is quicker; where none fits, the smallest."""
    roomy = of("qwq-32b", MACHINES["H200, 128 GB"])
    sizes = [offer.bytes for offer in roomy.offers]
    assert sizes == sorted(sizes, reverse=True)
    assert roomy.best.quant == "Q8_0"
    quick = of("qwq-32b", MACHINES["RTX 4090, 64 GB"]).best.plan
    assert quick is not None
    assert quick.gpu_layers == quick.layers_total
    none = of("r1-distill-llama-70b", MACHINES["16 GB"])
    assert none.best == none.offers[-1]
    assert none.best.plan is not None
    assert not none.best.plan.fits


def test_a_model_that_is_not_installed(capsys: pytest.CaptureFixture[str]) -> None:
    """What it is, and how each quantization would run on this very machine."""
    note_speeds()
    assert main(["models", "show", "QwQ-32B"]) == 0
    shown = capsys.readouterr().out
    for words in ("qwq-32b is not installed", "thinks", "Apache-2.0", "Q8_0", "Q4_K_M", " *"):
        assert words in shown
