"""What cannot be loaded is told in a sentence, without a native abort."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localqwq.codec import decoder
from localqwq.engine.engine import Engine
from localqwq.engine.llama.context import CacheFull, Context, Part
from localqwq.engine.llama.model import Model
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError
from localqwq.hardware.probe import Report


@pytest.mark.parametrize("part", [0.0, 0.0001, 0.01, 0.5, 0.999])
def test_a_truncated_file(demo_gguf: Path, tmp_path: Path, part: float) -> None:
    """Cut off anywhere, the file is refused by name."""
    data = demo_gguf.read_bytes()
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(LocalqwqError, match=r"broken\.gguf"):
        Engine.load(broken, LoadOptions(context=256))


def test_a_missing_file(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(LocalqwqError, match=r"none\.gguf"):
        Engine.load(tmp_path / "none.gguf", LoadOptions(context=256))


def test_what_llama_cpp_refuses_is_told_in_its_words(demo_gguf: Path, tmp_path: Path) -> None:
    """A tokenizer that llama.cpp does not know passes the header check, but not the load."""
    unknown = tmp_path / "unknown.gguf"
    unknown.write_bytes(demo_gguf.read_bytes().replace(b"gpt2", b"gpt7", 1))
    with pytest.raises(LocalqwqError, match=r"cannot load unknown\.gguf .*gpt7"):
        Engine.load(unknown, LoadOptions(context=256))


def test_a_model_without_chat_template(demo_gguf: Path, tmp_path: Path) -> None:
    """A base model cannot chat."""
    base = tmp_path / "base.gguf"
    key = b"tokenizer.chat_template"
    base.write_bytes(demo_gguf.read_bytes().replace(key, key[::-1], 1))
    with pytest.raises(LocalqwqError, match="no chat template"):
        Engine.load(base, LoadOptions(context=256))


def test_a_context_beyond_the_model(demo_gguf: Path) -> None:
    """The longest possible one is named."""
    with pytest.raises(LocalqwqError, match="at most"):
        Engine.load(demo_gguf, LoadOptions(context=100_000_000))


def test_a_context_is_rounded_up(demo_gguf: Path) -> None:
    """llama.cpp works in steps of 256."""
    with Engine.load(demo_gguf, LoadOptions(context=300)) as engine:
        assert engine.context == 512


def test_a_failed_decode_leaves_the_cache_right(demo_gguf: Path) -> None:
    """No room left: nothing changes. An impossible token is an error and leaves no trace."""
    model = Model(demo_gguf, gpu_layers=0)
    context = Context(model, size=256, rope=RopeScaling("model"), threads=1, batch=256)
    context.decode([Part(0, 0, [5] * 250, 0)])
    with pytest.raises(CacheFull):
        context.decode([Part(0, 250, [6] * 7, 1)])
    assert context.decode([Part(0, 250, [6], 1)]) == [0]
    with pytest.raises(LocalqwqError, match="failed to decode"):
        context.decode([Part(0, 251, [model.size], 1)])
    context.cut(0, 100)
    context.decode([Part(0, 100, [1, 2, 3], 1), Part(1, 0, [1, 2], 1)])
    context.close()
    model.close()


def test_devices_are_one_json_document() -> None:
    """Run as a process of its own; a CPU is always there."""
    command = [sys.executable, "-m", "localqwq.engine.probing.devices"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    report = decoder(Report)(json.loads(output))
    (cpu,) = [device for device in report.devices if device.type == "CPU"]
    assert cpu.largest_tensor is None
    assert cpu.total > 0
