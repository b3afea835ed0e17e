"""How a model is loaded where a person says so: by options, by settings, and what is done then."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.cli.launch_options import launch_options
from localqwq.cli.main import command_parser, main
from localqwq.cli.settings import read_settings
from localqwq.engine.rpc.client import has_rpc
from localqwq.errors import LocalqwqError
from localqwq.hardware.detection import detect
from localqwq.locations import settings_file
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.outlook import Outlook
from localqwq.models.spec import ResolvedModel
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB
from localqwq.planning.plan import Plan, plan
from localqwq.settings.file import SettingsFile
from tests.known_speeds import note_speeds
from tests.machines import gpu, machine, qwq
from tests.rpc_servers import rpc_server

OPTIONS = [
    *("--ctx", "1024", "--gpu-layers", "3", "--device", "CUDA0", "--device", "CUDA1"),
    *("--tensor-split", "3,1", "--threads", "2", "--batch", "64", "--kv", "q8_0"),
    *("--parallel", "2", "--reserve", "1G", "--rope", "off", "--no-mmap", "--flash", "on"),
]
MEANT = LaunchOptions(
    1024, 3, ("CUDA0", "CUDA1"), (3.0, 1.0), 2, 64, "q8_0", 2, GIB, "off", mmap=False, flash="on"
)
TWO = machine(64 * GIB, gpu(24 * GIB, "CUDA0"), gpu(12 * GIB, "CUDA1"))


@pytest.mark.parametrize("command", ["chat", "ask", "serve", "bench"])
def test_the_same_options_everywhere(command: str) -> None:
    """They mean the same in each command."""
    parser = command_parser()
    assert launch_options(parser.parse_args([command, *OPTIONS])) == MEANT
    assert launch_options(parser.parse_args([command])) == LaunchOptions()
    nowhere = parser.parse_args([command, "--device", "none"])
    assert launch_options(nowhere).devices == ()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--gpu-layers", "-1"),
        ("--tensor-split", "a,b"),
        ("--tensor-split", "0,0"),
        ("--threads", "0"),
        ("--batch", "x"),
        ("--kv", "q5_0"),
        ("--reserve", "much"),
        ("--rope", "sometimes"),
        ("--flash", "perhaps"),
    ],
)
@pytest.mark.parametrize("command", ["chat", "ask", "serve", "bench", "plan"])
def test_wrong_values(
    command: str, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are wrong usage."""
    assert main([command, "-m", "demo", option, value]) == 2
    assert option in capsys.readouterr().err


def planned(constraints: Constraints) -> Plan:
    """QwQ on two cards."""
    return plan(qwq(), TWO, constraints=replace(constraints, context=8192, kv_type="q8_0"))


def layers(found: Plan) -> dict[str, int]:
    """Of each device that has any."""
    return {load.name: load.layers for load in found.devices if load.layers}


def test_the_plan_keeps_to_it() -> None:
    """Devices, shares, threads, batch and the way of loading are as they were named."""
    assert layers(planned(Constraints(devices=("CUDA1",), gpu_layers=20))) == {"CUDA1": 20}
    assert layers(planned(Constraints(devices=()))) == {}
    assert layers(planned(Constraints(tensor_split=(3.0, 1.0), gpu_layers=64))) == {
        "CUDA0": 48,
        "CUDA1": 16,
    }
    some = planned(Constraints(gpu_layers=20))
    assert some.why.startswith("20 of 65 layers are wanted on CUDA0")
    nowhere = planned(Constraints(devices=(), gpu_layers=20))
    assert nowhere.why.startswith("There is no device for layers here")
    assert planned(Constraints(threads=3)).threads == 3
    assert planned(Constraints(load_mode="mmap")).load_mode == "mmap"
    assert planned(Constraints(load_mode="read")).load_mode == "read"
    small, large = planned(Constraints(batch=64)), planned(Constraints(batch=2048))
    assert (small.settings.batch, large.settings.batch) == (64, 2048)
    assert small.devices[0].compute < large.devices[0].compute


@pytest.mark.parametrize(
    ("constraints", "said"),
    [
        (Constraints(devices=("CUDA7",)), "no device CUDA7: it has CUDA0, CUDA1"),
        (Constraints(tensor_split=(1.0,)), "in this order: CUDA0, CUDA1"),
        (Constraints(devices=(), tensor_split=(1.0,)), "no device to split"),
        (Constraints(devices=("CUDA1",), tensor_split=(1.0, 1.0)), "in this order: CUDA1"),
        (Constraints(kv_type="q8_0", flash="off"), "q8_0 needs flash attention: choose f16"),
    ],
)
def test_what_is_not_there(constraints: Constraints, said: str) -> None:
    """The sentence says what is."""
    with pytest.raises(LocalqwqError, match=said):
        plan(qwq(), TWO, constraints=constraints)


def settings(text: str) -> None:
    """Writes them."""
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_settings_of_a_model(demo_gguf: Path) -> None:
    """They count where the command line is silent; a quantization's go before its model's."""
    settings(
        '[models."demo"]\nthreads = 1\nbatch = 128\nkv = "q8_0"\ndevices = "none"\n'
        '[models."demo:Q8_0"]\nbatch = 64\nreserve = "100M"\ntensor_split = "1"\n'
        '[models."other"]\nthreads = 7\n'
    )
    resolved = ResolvedModel(demo_gguf, "demo", "Q8_0", Outlook(machine(8 * GIB, gpu(4 * GIB))))
    with pytest.raises(LocalqwqError, match="no device to split"):
        launch(resolved)
    load = launch(resolved, LaunchOptions(512, devices=("CUDA0",), threads=2)).load
    assert (load.threads, load.batch, load.kv_type, load.devices) == (2, 64, "q8_0", ("CUDA0",))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("threads = 0", "models.demo.threads must be a whole number from 1 to 512"),
        ('kv = "q5"', "models.demo.kv must be f16, q8_0 or q4_0"),
        ("threds = 1", "there is no setting models.demo.threds"),
        ('tensor_split = "x"', "models.demo.tensor_split"),
    ],
)
def test_what_is_wrong_with_a_setting(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said as precisely as of the others."""
    settings(f'[models."demo"]\n{line}\n')
    read_settings()
    assert said in capsys.readouterr().err


def test_settings_that_are_wrong(demo_gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are named, and left out."""
    settings('[models."demo"]\ntensor_split = "x"\nthreads = 1\n')
    assert main(["ask", "Hi", "-m", str(demo_gguf), "--max-tokens", "1"]) == 0
    assert "tensor_split" in capsys.readouterr().err


def test_a_service_file_keeps_them() -> None:
    """Also the switches that have a no."""
    parser = command_parser()
    arguments = parser.parse_args(["serve", "demo", *OPTIONS])
    words: Sequence[str] = arguments.words(arguments)
    assert launch_options(parser.parse_args(["serve", *words])) == MEANT


def test_all_layers_and_a_tiny_context(demo_gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not taken literally is said: in the plan, and where a model is loaded."""
    assert main(["plan", str(demo_gguf), "--gpu-layers", "99", "--ctx", "10"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "5 layers, so 99 means all of them" in said
    assert "10 is rounded up to 256" in said
    assert main(["ask", "Hi", "-m", str(demo_gguf), "--ctx", "10", "--max-tokens", "1"]) == 0
    assert "10 is rounded up to 256" in capsys.readouterr().err


def test_the_same_limits_everywhere() -> None:
    """What an option refuses, the settings refuse, too; the largest value is taken by both."""
    parser = command_parser()
    for name, most in (("threads", 512), ("batch", 65_536), ("parallel", 256)):
        for value in (most, most + 1):
            words = ["ask", f"--{name}", str(value)]
            settings(f'[models."demo"]\n{name} = {value}\n')
            kept = SettingsFile(settings_file()).read().models.get("demo")
            if value > most:
                assert kept is None
                with pytest.raises(SystemExit):
                    parser.parse_args(words)
            else:
                assert getattr(kept, name) == getattr(parser.parse_args(words), name) == most


LOADING = """
import sys
from localqwq.cli.launch_options import launch_options
from localqwq.cli.main import command_parser
from localqwq.engine.engine import Engine
from localqwq.engine.llama.library import binding
from localqwq.models.launching import launch
from localqwq.models.spec import resolve

llama = binding()
show = llama.llama_log_callback(lambda level, text, data: print(text.decode(), end=""))
llama.llama_log_set(show, None)
arguments = command_parser({"ask"}).parse_args(["ask", *sys.argv[1:]])
found = launch(resolve(arguments.model), launch_options(arguments))
Engine.load(found.model, found.load).close()
"""


def loaded(*words: str) -> str:
    """What llama.cpp says while a model is loaded as the command line has it."""
    return subprocess.run(
        [sys.executable, "-c", LOADING, *words], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(
    ("flash", "said"), [("on", "auto"), ("off", "disabled"), ("auto", "disabled")]
)
def test_attention_is_as_one_wants(demo_gguf: Path, flash: str, said: str) -> None:
    """Without a measurement it is plain on the processor; llama.cpp's auto takes it if it can."""
    log = loaded("-m", str(demo_gguf), "--ctx", "512", "--device", "none", "--flash", flash)
    assert re.findall(r"flash_attn += (\w+)", log) == [said]
    assert bool(re.search(r"Flash Attention.* enabled", log)) is (flash == "on")


@pytest.mark.skipif(not has_rpc(), reason="this llama.cpp was built without RPC")
def test_llama_cpp_does_it(
    demo_gguf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Layers are where they were put, on devices of other processes; and `plan` says so."""
    with rpc_server() as first, rpc_server() as second:
        monkeypatch.setenv("LOCALQWQ_RPC", f"{first.address},{second.address}")
        note_speeds(detect())
        some = ["-m", str(demo_gguf), "--ctx", "512"]
        wanted = [*some, "--gpu-layers", "3", "--tensor-split", "2,1", "--kv", "q8_0",
                  "--batch", "64", "--threads", "1", "--no-mmap"]  # fmt: skip
        assert main(["plan", "--json", *wanted]) == 0
        document = json.loads(capsys.readouterr().out)
        assert (document["layers_offloaded"], document["tensor_split"]) == (3, [2, 1])
        log = loaded(*wanted)
        assert "offloaded 3/5 layers" in log
        assert re.findall(r"layer +(\d+) assigned to device (\w+),", log) == [
            *(("0", "CPU"), ("1", "CPU")),
            *(("2", "RPC0"), ("3", "RPC0"), ("4", "RPC1")),
        ]
        assert re.search(r"n_ubatch +(?:\(per seq\) +)?= 64", log)
        assert "q8_0" in log
        assert "CPU_Mapped" not in log
        one = loaded(*some, "--gpu-layers", "2", "--device", "RPC1")
        assert set(re.findall(r"assigned to device (RPC\d)", one)) == {"RPC1"}
        assert "RPC" not in "".join(re.findall(r"assigned to.*", loaded(*some, "--device", "none")))
