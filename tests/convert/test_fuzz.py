"""Checkpoints damaged in thousands of ways: a clear error or a whole pack, and nothing between."""

import json
import random
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.gguf.header import read_header
from localqwq.packs.manifest import read_manifest
from localqwq_convert.pipeline import convert
from localqwq_convert.safetensors import read_tensors
from localqwq_convert.shards import INDEX
from tests.checkpoints import make_checkpoint, random_tensors, write_safetensors

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 7, 255, 1 << 16, 1 << 31, 1 << 32, 1 << 63, 10**30, 10**4000,
    0.5, -0.0, 1e-320, 1e308, float("inf"), float("nan"), "", "0", "32", "\x00", "\ud800",
    "é" * 999, "../../etc/passwd", [], {}, [1], [[]], {"type": "yarn"},
    {"rope_type": "yarn", "factor": 1e300},
)  # fmt: skip
"""What no configuration says, or should say."""
TEXTS = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"-", b"0", b"9" * 5000, b"1e400", b"true", b"null",
    b"NaN", b"[" * 5000, b'{"a":' * 5000, b"\xff", b"\x00", b"F8_E4M3", b"BF16", b"data_offsets",
)  # fmt: skip
SECONDS = 60
"""No single case may take so long, on any machine."""


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """A gigabyte more than there is now, so that a huge allocation fails the test."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest checkpoint, in two shards."""
    directory = tmp_path_factory.mktemp("fuzz") / "tiny"
    return make_checkpoint(directory, layers=1, hidden=32, feed_forward=32, heads=2, shards=2)


def mangled(content: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, moved, cut off or put in."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0 if data:
                data[at % len(data)] = dice.randrange(256)
            case 1:
                data[at:at] = dice.choice(TEXTS)
            case 2:
                del data[at : at + dice.randint(1, 40)]
            case 3:
                data[at:at] = data[at : at + dice.randint(1, 200)]
            case _:
                data = data[:at] if dice.random() < 0.2 else data
    return bytes(data)


def altered(document: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Some keys with odd values, or gone."""
    changed = dict(document)
    for _ in range(dice.randint(1, 3)):
        key = dice.choice([*document])
        if dice.random() < 0.1:
            changed.pop(key, None)
        elif isinstance(document[key], dict) and document[key] and dice.random() < 0.5:
            changed[key] = altered(document[key], dice)
        else:
            changed[key] = dice.choice(ODD)
    return changed


def attempt(checkpoint: Path, output: Path, *, dry_run: bool, merge: Path | None = None) -> bool:
    """Convert; whether it worked. Whatever happens, no file is half there.

    Raises anything but the one error for people.
    """
    started = time.monotonic()
    try:
        convert(checkpoint, output, ["Q8_0"], name="fuzz", threads=1, dry_run=dry_run, merge=merge)
    except LocalqwqError as error:
        assert str(error).strip()
        assert not output.exists() or not list(output.iterdir())
        return False
    finally:
        assert time.monotonic() - started < SECONDS
    if dry_run:
        assert not output.exists()
    else:
        [file] = read_manifest(output).files
        assert read_facts(output / file.path).bytes == file.bytes
        shutil.rmtree(output)
    return True


def test_mangled_shards(checkpoint: Path, tmp_path: Path) -> None:
    """Thousands of damaged headers: tensors inside of the file, or one sentence."""
    dice = random.Random(1)
    shard = checkpoint / "model-00001-of-00002.safetensors"
    content = shard.read_bytes()
    length = int.from_bytes(content[:8], "little")
    damaged = tmp_path / "damaged.safetensors"
    for _ in range(3000):
        header = mangled(content[8 : 8 + length], dice)
        claimed = (
            len(header) if dice.random() < 0.9 else dice.getrandbits(dice.choice([12, 33, 64]))
        )
        damaged.write_bytes(claimed.to_bytes(8, "little") + header + content[8 + length :])
        try:
            tensors = read_tensors(damaged)
        except LocalqwqError as error:
            assert len(str(error)) < 1000
        else:
            size = damaged.stat().st_size
            assert all(8 <= t.offset <= t.offset + t.bytes <= size for t in tensors.values())


@pytest.mark.parametrize("file", ["config.json", "generation_config.json", INDEX])
def test_odd_values(checkpoint: Path, tmp_path: Path, file: str) -> None:
    """Hundreds of documents that are JSON and make no sense."""
    dice = random.Random(file)
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    document = json.loads((copy / file).read_text())
    worked = 0
    for number in range(250):
        (copy / file).write_text(json.dumps(altered(document, dice)), encoding="utf-8")
        worked += attempt(copy, tmp_path / "out", dry_run=number % 10 > 0)
    # What it recommends is no reason to refuse a model.
    assert (worked == 250) == (file == "generation_config.json")


def test_mangled_documents(checkpoint: Path, tmp_path: Path) -> None:
    """Hundreds of documents and shards with bytes changed, as a bad disk would leave them."""
    dice = random.Random(2)
    names = ["config.json", "generation_config.json", INDEX, "model-00002-of-00002.safetensors"]
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    for number in range(400):
        name = dice.choice(names)
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(mangled(whole, dice))
        attempt(copy, tmp_path / "out", dry_run=number % 10 > 0)
        (copy / name).write_bytes(whole)
    assert attempt(copy, tmp_path / "out", dry_run=False)


def test_mangled_gguf_sources(checkpoint: Path, tmp_path: Path) -> None:
    """Damaged anywhere up to the tensors: a whole pack, or one sentence."""
    dice = random.Random(4)
    path = convert(checkpoint, tmp_path / "source", ["BF16"]).outputs[0].path
    content = path.read_bytes()
    start = read_header(path).data_offset
    damaged = tmp_path / "damaged.gguf"
    worked = 0
    for number in range(600):
        damaged.write_bytes(mangled(content[:start], dice) + content[start:])
        worked += attempt(damaged, tmp_path / "out", dry_run=number % 10 > 0)
    assert worked < 600
    for number in range(200):
        data = bytearray(content)
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(start)] = dice.randrange(256)
        damaged.write_bytes(data)
        worked += attempt(damaged, tmp_path / "out", dry_run=number % 10 > 0)
    assert worked > 0


def test_odd_adapters(checkpoint: Path, tmp_path: Path) -> None:
    """Settings that make no sense, and damaged headers of an adapter's weights."""
    dice = random.Random(5)
    adapter = tmp_path / "lora"
    adapter.mkdir()
    name = "base_model.model.model.layers.0.mlp.up_proj.lora_"
    shapes = {f"{name}A.weight": (4, 32), f"{name}B.weight": (32, 4)}
    weights = adapter / "adapter_model.safetensors"
    write_safetensors(weights, random_tensors(shapes, "F32", 0))
    settings: dict[str, Any] = {
        "peft_type": "LORA", "lora_alpha": 8, "alpha_pattern": {"up_proj": 3}, "use_rslora": False,
        "init_lora_weights": True, "use_dora": False, "fan_in_fan_out": False,
    }  # fmt: skip
    worked = 0
    for number in range(300):
        text = json.dumps(altered(settings, dice))
        (adapter / "adapter_config.json").write_text(text, encoding="utf-8")
        worked += attempt(adapter, tmp_path / "out", dry_run=number % 10 > 0, merge=checkpoint)
    assert 0 < worked < 300
    (adapter / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    content = weights.read_bytes()
    length = int.from_bytes(content[:8], "little")
    for number in range(300):
        header = mangled(content[8 : 8 + length], dice)
        weights.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
        attempt(adapter, tmp_path / "out", dry_run=number % 10 > 0, merge=checkpoint)
