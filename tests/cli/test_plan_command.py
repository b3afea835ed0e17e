"""``localqwq plan``: for this machine and for others, for people and for scripts."""

import json
from pathlib import Path
from typing import Any

import pytest

from localqwq.cli.main import main
from localqwq.engine.probing.dry_load import dry_load
from localqwq.gguf.facts import read_facts
from localqwq.planning.memory import GIB, bookkeeping_bytes
from localqwq.planning.placement import HOST
from localqwq.planning.plan import plan
from tests.checkpoints import write_json
from tests.machines import machine, qwq
from tests.sparse import QWQ

KEYS = [
    "model", "quant", "context", "kv_type", "rope", "layers_total", "layers_offloaded", "devices",
    "host", "tensor_split", "fits", "why", "alternatives",
]  # fmt: skip
SIZES = ["free", "weights", "kv_cache", "compute", "margin", "total"]
CARD = ("--device", "RTX4090=23.5G", "--ram", "64G")


@pytest.fixture
def config(tmp_path: Path) -> str:
    """QwQ-32B's ``config.json``, and nothing else of it."""
    write_json(tmp_path / "config.json", QWQ)
    return str(tmp_path / "config.json")


@pytest.fixture
def planned(config: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Plans for the configuration with these arguments, and returns the document."""

    def run(*arguments: str) -> Any:
        assert main(["plan", config, *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_the_document_for_scripts(planned: Any) -> None:
    """All that was promised is there, and adds up."""
    found = planned(*CARD)
    assert set(KEYS) <= set(found)
    assert (found["model"], found["quant"]) == ("QwQ-32B", "Q4_K_M")
    assert (found["layers_total"], found["layers_offloaded"], found["fits"]) == (65, 65, True)
    [card] = found["devices"]
    assert set(card) == {"name", "layers", *SIZES}
    assert set(SIZES) <= set(found["host"])
    for load in (card, found["host"]):
        assert load["total"] == sum(load[key] for key in SIZES[1:-1])
    assert card["total"] <= card["free"] == int(23.5 * 2**30)
    assert found["host"]["free"] == 64 * 2**30
    assert card["weights"] + found["host"]["weights"] == qwq().weight_bytes
    assert found["tensor_split"] == [65]
    assert found["rope"] == {"scaling": "none", "factor": 1.0}
    for other in found["alternatives"]:
        assert set(other) == {"context", "kv_type", "quant", "layers_offloaded", "fits"}
    assert {"Q8_0", "Q6_K", "Q5_K_M"} <= {other["quant"] for other in found["alternatives"]}


def test_flags_are_kept_to(planned: Any) -> None:
    """Quantization, context, cache, layers: as they were asked for, even if that cannot be."""
    found = planned(*CARD, "--quant", "q8_0", "--ctx", "65536", "--kv", "q4_0", "--parallel", "2")
    assert (found["quant"], found["context"], found["kv_type"]) == ("Q8_0", 65_536, "q4_0")
    assert found["rope"] == {"scaling": "yarn", "factor": 2.0}
    assert 0 < found["layers_offloaded"] < 65
    assert planned(*CARD, "--gpu-layers", "5")["layers_offloaded"] == 5
    assert planned(*CARD, "--reserve", "4G")["devices"][0]["margin"] == 4 * 2**30
    found = planned("--ram", "16G")
    assert not found["fits"]
    assert found["devices"] == found["tensor_split"] == []
    assert "needs" in found["why"]


def test_several_devices(planned: Any) -> None:
    """They keep the order in which they were named."""
    two = ("--device", "A=11.5G", "--device", "B=11.5GiB", "--ram", "64G", "--ctx", "8192")
    found = planned(*two)
    assert [load["name"] for load in found["devices"]] == ["A", "B"]
    assert sum(found["tensor_split"]) == 65
    assert [load["layers"] for load in found["devices"]] == found["tensor_split"]


def test_for_people(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A bar for each device, the reason, and what could be had instead."""
    assert main(["plan", str(Path(config).parent), *CARD, "--ctx", "131072"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(
        "QwQ-32B Q4_K_M, 131,072 tokens of context (YaRN 4), KV cache Q8_0\n\nRTX4090  40 of 65"
    )
    for word in (
        "█ weights",
        "▓ KV",
        "▒ compute",
        "░ margin",
        "processor holds the rest",
        "It uses flash attention.",
    ):
        assert word in shown
    assert "\nInstead:\ncontext  KV cache" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_file_on_this_machine(demo_gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan is confirmed by llama.cpp: the buffers are as large as it says."""
    assert main(["plan", str(demo_gguf), "--ctx", "1024", "--gpu-layers", "0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    facts = read_facts(demo_gguf)
    assert (found["quant"], found["context"]) == ("Q8_0", 1024)
    assert found["host"]["kv_cache"] == 1024 * facts.kv_bytes_per_token()
    here = plan(facts, machine(64 * GIB), context=1024)
    buffers = dry_load(demo_gguf, here).taken_by(HOST, ())
    assert found["host"]["compute"] == buffers + bookkeeping_bytes(facts, here.settings)


def test_the_built_in_model(capsys: pytest.CaptureFixture[str]) -> None:
    """By name and quantization, with its other quantization as the alternative."""
    assert main(["plan", "demo", "--quant", "Q4_K_M", "--ram", "2G", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["quant"], found["fits"]) == ("demo", "Q4_K_M", True)
    assert "Q8_0" in {other["quant"] for other in found["alternatives"]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "nothere.json"], "nothere.json"),
        (["plan", "CONFIG", "--quant", "Q9"], "no quantization"),
        (["plan", "CONFIG", "--ctx", "200000", "--ram", "64G"], "131,072"),
        (["plan", "demo:Q4_K_M", "--quant", "Q8_0"], "name different quantizations"),
        (["plan", "model.gguf", "--quant", "Q8_0", "--ram", "64G"], "leave out --quant"),
    ],
)
def test_what_cannot_be_planned(
    config: str, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """One line that names the thing."""
    assert main([config if word == "CONFIG" else word for word in arguments]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert sentence in shown.err


@pytest.mark.parametrize(
    "wrong",
    [
        ["--device", "23.5G"],
        ["--device", "A=lots"],
        ["--ram", "64"],
        ["--kv", "q5_0"],
        ["--parallel", "0"],
        ["--speed", "-1"],
        ["--speed", "nan"],
    ],
)
def test_wrong_usage(config: str, wrong: list[str]) -> None:
    """Numbers without a unit and names without a number are no sizes and no devices."""
    assert main(["plan", config, *wrong]) == 2


def test_a_model_of_the_catalogue_for_another_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its quantization suits the machine that is described, whatever this one is."""

    def quant(*flags: str) -> str:
        assert main(["plan", "qwq-32b", *flags, "--json"]) == 0
        return str(json.loads(capsys.readouterr().out)["quant"])

    assert quant("--ram", "16G") == "Q2_K"
    assert quant(*CARD) == "Q4_K_M"
    assert quant("--device", "BIG=141G", "--ram", "64G") == "Q8_0"
