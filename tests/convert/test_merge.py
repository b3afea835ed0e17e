"""An adapter merged while the checkpoint is read: what PEFT would have merged before."""

import importlib
import importlib.util
import json
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from localqwq.cli.main import main
from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq.packs.manifest import read_manifest
from localqwq_convert.checkpoint import as_f32, open_checkpoint
from localqwq_convert.low_rank import rounded
from localqwq_convert.pipeline import convert
from localqwq_convert.quantizer import Quantizer
from tests.checkpoints import make_checkpoint, write_json, write_safetensors

F32 = NDArray[np.float32]
Q, K, DOWN = "layers.0.self_attn.q_proj", "layers.1.self_attn.k_proj", "layers.1.mlp.down_proj"
SHAPES = {Q: (128, 128), K: (64, 128), DOWN: (128, 192)}
RANK = 4


def base(directory: Path, **options: Any) -> Path:
    """A small checkpoint to train an adapter on."""
    options = {"architecture": "llama", "tied": False, **options}
    return make_checkpoint(directory / "base", hidden=128, feed_forward=192, **options)


def make_adapter(
    directory: Path,
    tensors: Mapping[str, F32] | None = None,
    **config: Any,
) -> tuple[Path, dict[str, F32]]:
    """A LoRA adapter as PEFT saves it, and what it stores."""
    directory.mkdir()
    random = np.random.default_rng(5)
    stored: dict[str, F32] = {}
    for module, (rows, columns) in SHAPES.items():
        name = f"base_model.model.model.{module}"
        for factor, shape in (("A", (RANK, columns)), ("B", (rows, RANK))):
            values = random.standard_normal(shape, dtype=np.float32) * np.float32(0.1)
            stored[f"{name}.lora_{factor}.weight"] = values
    stored |= tensors or {}
    stored = {name: values for name, values in stored.items() if values.size}
    write_safetensors(
        directory / "adapter_model.safetensors",
        {name: ("F32", values) for name, values in stored.items()},
    )
    settings = {"peft_type": "LORA", "r": RANK, "lora_alpha": 8} | config
    write_json(directory / "adapter_config.json", settings)
    return directory, stored


def products(stored: Mapping[str, F32], scale: float) -> dict[str, F32]:
    """What is added to each matrix, by the definition of LoRA."""
    prefix = "base_model.model."
    return {
        f"model.{module}.weight": stored[f"{prefix}model.{module}.lora_B.weight"]
        @ stored[f"{prefix}model.{module}.lora_A.weight"]
        * np.float32(scale)
        for module in SHAPES
    }


def changed(checkpoint: Path, changes: Mapping[str, F32], copies: Mapping[str, F32]) -> None:
    """Merge by hand: add in F32, round once to the type of each tensor."""
    tensors: dict[str, tuple[str, NDArray[Any]]] = {}
    with open_checkpoint(checkpoint) as opened:
        opened.map_shards()
        for name, tensor in opened.tensors.items():
            rows = tensor.shape[0] if len(tensor.shape) > 1 else 1
            raw = opened.rows(tensor, 0, rows).reshape(tensor.shape)
            if name in changes:
                values = rounded(as_f32(raw, tensor.dtype) + changes[name], tensor.dtype)
                tensors[name] = ("F32", values)
            else:
                tensors[name] = (tensor.dtype, raw.copy())
    for name, values in copies.items():
        tensors[name] = ("F32", values)
    write_safetensors(checkpoint / "model.safetensors", tensors)


def values_of(path: Path) -> dict[str, F32]:
    """The tensors of an F32 file."""
    data = path.read_bytes()
    return {
        tensor.name: np.frombuffer(data, np.float32, tensor.elements, tensor.offset)
        for tensor in read_header(path).tensors
    }


def assert_close(found: Mapping[str, F32], expected: Mapping[str, F32], dtype: str) -> None:
    """Equal within one step of the type, since two programs may sum in another order."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        step = np.abs(values) * {"BF16": 2.0**-7, "F16": 2.0**-10, "F32": 2.0**-20}[dtype] + 1e-7
        assert (np.abs(found[name] - values) <= step).all(), name


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_it_is_the_merged_checkpoint(tmp_path: Path, architecture: str, dtype: str) -> None:
    """Also in the rows that Llama has in another order; what is not changed stays to the bit."""
    checkpoint = base(tmp_path, architecture=architecture, dtype=dtype)
    adapter, stored = make_adapter(tmp_path / "lora")
    found = convert(adapter, tmp_path / "pack", ["F32"], merge=checkpoint).outputs[0].path
    plain = convert(checkpoint, tmp_path / "plain", ["F32"]).outputs[0].path
    changed(checkpoint, products(stored, 8 / RANK), {})
    expected = convert(checkpoint, tmp_path / "by hand", ["F32"]).outputs[0].path
    assert_close(values_of(found), values_of(expected), dtype)
    before = values_of(plain)
    same = {name for name, values in values_of(found).items() if (values == before[name]).all()}
    assert before.keys() - same == {
        "blk.0.attn_q.weight",
        "blk.1.attn_k.weight",
        "blk.1.ffn_down.weight",
    }
    assert read_manifest(tmp_path / "pack").source == "lora merged into base"


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({"lora_alpha": 16}, 4.0),
        ({"use_rslora": True}, 8 / sqrt(RANK)),
        ({"alpha_pattern": {"nothing": 1, ".*_proj": 2}}, 0.5),
    ],
    ids=str,
)
def test_scales(tmp_path: Path, config: dict[str, Any], scale: float) -> None:
    """Alpha over the rank, over its root, or a pattern's."""
    checkpoint = base(tmp_path, dtype="F32")
    adapter, stored = make_adapter(tmp_path / "lora", **config)
    found = convert(adapter, tmp_path / "pack", ["F32"], merge=checkpoint).outputs[0].path
    changed(checkpoint, products(stored, scale), {})
    expected = convert(checkpoint, tmp_path / "by hand", ["F32"]).outputs[0].path
    assert_close(values_of(found), values_of(expected), "F32")


def test_copies_of_embedding_and_head(tmp_path: Path) -> None:
    """Trained whole, and longer than before, with the tokenizer that has the new tokens."""
    checkpoint = base(tmp_path, tied=True, dtype="F32")
    random = np.random.default_rng(1)
    embedding, head = (random.standard_normal((290, 128), dtype=np.float32) for _ in range(2))
    adapter, stored = make_adapter(
        tmp_path / "lora",
        {
            "base_model.model.model.embed_tokens.weight": embedding,
            "base_model.model.lm_head.modules_to_save.weight": head,
        },
    )
    (adapter / "tokenizer.json").write_bytes((checkpoint / "tokenizer.json").read_bytes())
    settings = (checkpoint / "tokenizer_config.json").read_bytes()
    (adapter / "tokenizer_config.json").write_bytes(settings)
    found = convert(adapter, tmp_path / "pack", ["F32"], merge=checkpoint).outputs[0].path
    values = values_of(found)
    assert (values["token_embd.weight"] == embedding.reshape(-1)).all()
    assert (values["output.weight"] == head.reshape(-1)).all()
    changed(checkpoint, products(stored, 2.0), {})
    expected = convert(checkpoint, tmp_path / "by hand", ["F32"]).outputs[0].path
    name = "blk.0.attn_q.weight"
    assert_close({name: values[name]}, {name: values_of(expected)[name]}, "F32")


def test_an_adapter_of_the_embedding(tmp_path: Path) -> None:
    """Its factors are transposed: the rows of an embedding are tokens."""
    checkpoint = base(tmp_path, dtype="F32")
    random = np.random.default_rng(1)
    a = random.standard_normal((RANK, 288), dtype=np.float32)
    b = random.standard_normal((128, RANK), dtype=np.float32)
    name = "base_model.model.model.embed_tokens.lora_embedding_"
    adapter, stored = make_adapter(tmp_path / "lora", {f"{name}A": a, f"{name}B": b})
    found = convert(adapter, tmp_path / "pack", ["F32"], merge=checkpoint).outputs[0].path
    change = {"model.embed_tokens.weight": (b @ a).T * np.float32(2)}
    changed(checkpoint, products(stored, 2.0) | change, {})
    expected = convert(checkpoint, tmp_path / "by hand", ["F32"]).outputs[0].path
    assert_close(values_of(found), values_of(expected), "F32")


def test_another_adapter_is_another_model(tmp_path: Path) -> None:
    """The fingerprint of the weights has the adapter in it."""
    checkpoint = base(tmp_path)
    adapter, _ = make_adapter(tmp_path / "lora")
    convert(adapter, tmp_path / "pack", ["Q8_0"], merge=checkpoint, name="it")
    other, _ = make_adapter(tmp_path / "other", lora_alpha=16)
    convert(other, tmp_path / "more", ["Q8_0"], merge=checkpoint, name="it")
    convert(checkpoint, tmp_path / "plain", ["Q8_0"], name="it")
    packs = [read_manifest(tmp_path / name).files[0] for name in ("pack", "more", "plain")]
    assert len({file.weights for file in packs}) == len({file.sha256 for file in packs}) == 3


def test_chunks_and_threads_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are merged where they are read, however many are read at a time."""
    checkpoint = base(tmp_path)
    adapter, _ = make_adapter(tmp_path / "lora")
    whole = convert(adapter, tmp_path / "a", ["Q8_0"], merge=checkpoint, threads=1)
    monkeypatch.setattr("localqwq_convert.chunks._ELEMENTS", 700)
    parts = convert(adapter, tmp_path / "b", ["Q8_0"], merge=checkpoint, threads=3)
    assert values_close(whole.outputs[0].path, parts.outputs[0].path)


def values_close(one: Path, other: Path) -> bool:
    """Nearly all bytes are the same: sums may be taken in another order."""
    a, b = (np.frombuffer(path.read_bytes(), np.uint8) for path in (one, other))
    return a.size == b.size and float((a != b).mean()) < 0.001


def test_rounding_is_ggmls() -> None:
    """To the nearest, ties to the even one, also among the smallest and largest numbers."""
    bits = np.random.default_rng(3).integers(0, 1 << 32, 100_000, dtype=np.uint32)
    ties = np.arange(0, 1 << 31, 1 << 15, dtype=np.uint32)
    values = np.concatenate([bits, ties]).view(np.float32)
    values = values[np.isfinite(values) & (np.abs(values) < 3.38e38)]
    written = Quantizer().quantize(values.reshape(1, -1), "BF16").view(np.uint16)
    assert (as_f32(written, "BF16") == rounded(values, "BF16")).all()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"use_dora": True}, "uses DoRA"),
        ({"peft_type": "LOHA"}, "of the kind 'LOHA'"),
        ({"peft_type": None}, "of the kind None"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights 'pissa'"),
        ({"init_lora_weights": ["x"]}, "init_lora_weights"),
        ({"target_parameters": ["x"]}, "target_parameters"),
        ({"lora_alpha": None}, "lora_alpha of None"),
        ({"lora_alpha": True}, "lora_alpha of True"),
        ({"alpha_pattern": {"(": 1}}, "not a regular expression"),
    ],
    ids=str,
)
def test_adapters_that_do_more(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    """They would be merged wrongly, so they are refused by name."""
    checkpoint = base(tmp_path)
    adapter, _ = make_adapter(tmp_path / "lora", **config)
    with pytest.raises(LocalqwqError, match=words):
        convert(adapter, tmp_path / "pack", ["Q8_0"], merge=checkpoint)
    assert not (tmp_path / "pack").exists()


VECTOR = np.ones(128, dtype=np.float32)
PREFIX = "base_model.model.model."


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({f"{PREFIX}{Q}.lora_magnitude_vector": VECTOR}, "not part of plain LoRA"),
        ({f"{PREFIX}{Q}.lora_A.weight": np.ones((0, 1), np.float32)}, "only a part"),
        ({f"{PREFIX}{Q}.lora_A.weight": np.ones((3, 128), np.float32)}, "do not match each other"),
        ({f"{PREFIX}{Q}.lora_A.weight": np.ones((4, 64), np.float32)}, "was not trained on"),
        ({f"{PREFIX}layers.0.experts.weight": VECTOR}, "architecture does not know"),
        ({f"{PREFIX}norm.weight": VECTOR[:64]}, "do not match"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_tensors_that_do_not_fit(tmp_path: Path, tensors: dict[str, F32], words: str) -> None:
    """Nothing of an adapter is dropped."""
    checkpoint = base(tmp_path)
    adapter, _ = make_adapter(tmp_path / "lora", tensors)
    with pytest.raises(LocalqwqError, match=words):
        convert(adapter, tmp_path / "pack", ["Q8_0"], merge=checkpoint)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --merge it says what to do; with it there is a pack; a checkpoint is no adapter."""
    checkpoint = base(tmp_path)
    adapter, _ = make_adapter(tmp_path / "My LoRA")
    command = ["convert", str(adapter), "-o", str(tmp_path / "pack"), "--quant", "Q8_0"]
    assert main(command) == 1
    assert "--merge BASE" in capsys.readouterr().err
    assert main([*command, "--merge", str(checkpoint)]) == 0
    assert read_manifest(tmp_path / "pack").name == "my-lora"
    capsys.readouterr()
    assert main(["convert", str(checkpoint), *command[2:], "--merge", str(checkpoint)]) == 1
    assert "leave out --merge" in capsys.readouterr().err


@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "transformers", "peft")),
    reason="needs torch, transformers and peft",
)
@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("rslora", [False, True])
def test_peft_merges_the_same(tmp_path: Path, architecture: str, rslora: bool) -> None:
    """An adapter that PEFT makes, saves and merges in F32, where PEFT is installed."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    peft: Any = importlib.import_module("peft")
    checkpoint = base(tmp_path, architecture=architecture)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    settings = peft.LoraConfig(
        r=3,
        lora_alpha=7,
        use_rslora=rslora,
        target_modules=["q_proj", "k_proj", "down_proj", "embed_tokens"],
        rank_pattern={"q_proj": 5},
        alpha_pattern={"layers.1.*k_proj": 2},
        modules_to_save=["lm_head"],
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )
    tuned = peft.get_peft_model(model, settings)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "modules_to_save" in name:
                parameter.add_(0.01)
    tuned.save_pretrained(tmp_path / "lora")
    found = convert(tmp_path / "lora", tmp_path / "pack", ["F32"], merge=checkpoint)
    tuned.merge_and_unload().to(torch.bfloat16).save_pretrained(tmp_path / "merged")
    for path in checkpoint.glob("tokenizer*"):
        (tmp_path / "merged" / path.name).write_bytes(path.read_bytes())
    merged = json.loads((tmp_path / "merged" / "config.json").read_text())
    assert merged["dtype"] == "bfloat16"
    expected = convert(tmp_path / "merged", tmp_path / "by PEFT", ["F32"])
    close = values_of(found.outputs[0].path), values_of(expected.outputs[0].path)
    # A copy is kept in the type that the adapter has it in, F32 here.
    rounded_copy = rounded(close[0]["output.weight"], "BF16")
    assert_close({**close[0], "output.weight": rounded_copy}, close[1], "BF16")
