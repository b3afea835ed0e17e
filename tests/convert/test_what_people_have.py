"""Folders as training, merging and downloading leave them: read, or refused with a way out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.pipeline import convert
from localqwq_convert.shards import INDEX
from tests.checkpoints import make_checkpoint, write_json, write_safetensors

Tensors = dict[str, tuple[str, NDArray[Any]]]


def tensors_of(checkpoint: Path) -> Tensors:
    """What a checkpoint stores, as ``write_safetensors`` takes it."""
    found: Tensors = {}
    with open_checkpoint(checkpoint) as opened:
        opened.map_shards()
        for name, tensor in opened.tensors.items():
            rows = tensor.shape[0] if len(tensor.shape) > 1 else 1
            found[name] = (tensor.dtype, opened.rows(tensor, 0, rows).reshape(tensor.shape).copy())
    return found


def refused(checkpoint: Path, words: str) -> str:
    """The sentence that a conversion of a folder ends with."""
    with pytest.raises(LocalqwqError, match=words) as caught:
        convert(checkpoint, checkpoint.parent / "pack", ["Q8_0"])
    assert not (checkpoint.parent / "pack").exists()
    return str(caught.value)


def compiled_layers(name: str) -> str:
    """Each layer compiled, and its attention checkpointed, by itself."""
    parts = name.split(".")
    if parts[1:2] == ["layers"]:
        parts[3:3] = ["_orig_mod"]
        parts[-2:-2] = ["_checkpoint_wrapped_module"]
    return ".".join(parts)


NAMINGS: dict[str, Callable[[str], str]] = {
    "PEFT": lambda name: f"base_model.model.{name}",
    "torch.compile": lambda name: f"_orig_mod.{name}",
    "data parallel": lambda name: f"module.{name}",
    "both": lambda name: f"_orig_mod.module.{name}",
    "compiled layers": compiled_layers,
    "FSDP": lambda name: name.replace("layers.", "_fsdp_wrapped_module.layers."),
    "a trainer's field": lambda name: f"model.{name}",
    "multimodal": lambda name: name.replace("model.", "model.language_model.", 1),
    "older multimodal": lambda name: f"language_model.{name}",
    "no prefix": lambda name: name.removeprefix("model."),
}


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("tied", [True, False])
def test_other_names_of_the_same_tensors(tmp_path: Path, naming: str, tied: bool) -> None:
    """They are read as what they are, and one note says how."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=2, hidden=64, tied=tied)
    expected = convert(checkpoint, tmp_path / "plain", ["Q8_0"]).outputs[0].sha256
    renamed = {NAMINGS[naming](name): value for name, value in tensors_of(checkpoint).items()}
    write_safetensors(checkpoint / "model.safetensors", renamed)
    notes: list[str] = []
    found = convert(checkpoint, tmp_path / "renamed", ["Q8_0"], note=notes.append)
    assert found.outputs[0].sha256 == expected
    [note] = notes
    assert "uses other tensor names" in note


def test_two_names_of_one_tensor(tmp_path: Path) -> None:
    """Which of them is meant is nobody's guess."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    tensors = tensors_of(checkpoint)
    twice = {"model._orig_mod.norm.weight": tensors["model.norm.weight"]}
    write_safetensors(checkpoint / "model.safetensors", tensors | twice)
    refused(checkpoint, "one tensor under two names: .*model.norm.weight")


@pytest.mark.parametrize("name", ["lora_A.default.weight", "base_layer.weight"])
def test_an_adapter_inside_of_the_model(tmp_path: Path, name: str) -> None:
    """Its weights would be lost."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    tensors = {f"base_model.model.{key}": value for key, value in tensors_of(checkpoint).items()}
    norm = tensors["base_model.model.model.norm.weight"]
    tensors[f"base_model.model.model.layers.0.self_attn.q_proj.{name}"] = norm
    write_safetensors(checkpoint / "model.safetensors", tensors)
    assert "download" not in refused(checkpoint, r"not merged .*merge_and_unload")


def shard_names(checkpoint: Path, form: str) -> None:
    """Give a checkpoint's shards other names, and take its index away."""
    for path in sorted(checkpoint.glob("*.safetensors")):
        path.rename(checkpoint / form.format(path.stem))
    (checkpoint / INDEX).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("shards", "form"),
    [
        (3, "{}.safetensors"),
        (3, "{}.fp16.safetensors"),
        (1, "{}.fp16.safetensors"),
        (1, "fine-tuned.safetensors"),
    ],
)
def test_weights_in_other_files(tmp_path: Path, shards: int, form: str) -> None:
    """Shards without an index, and variants, as long as it is plain which belong together."""
    checkpoint = make_checkpoint(tmp_path / "small", hidden=64, shards=shards)
    expected = convert(checkpoint, tmp_path / "plain", ["Q8_0"]).outputs[0].sha256
    shard_names(checkpoint, form)
    notes: list[str] = []
    found = convert(checkpoint, tmp_path / "pack", ["Q8_0"], note=notes.append)
    assert found.outputs[0].sha256 == expected
    assert len(notes) == 1


def test_the_index_of_a_variant(tmp_path: Path) -> None:
    """It is read in place of the usual one."""
    checkpoint = make_checkpoint(tmp_path / "small", hidden=64, shards=2)
    (checkpoint / INDEX).rename(checkpoint / "model.fp16.safetensors.index.json")
    notes: list[str] = []
    convert(checkpoint, tmp_path / "pack", ["Q8_0"], note=notes.append)
    [note] = notes
    assert "model.fp16.safetensors.index.json" in note


def test_a_missing_shard_without_an_index(tmp_path: Path) -> None:
    """The numbers in the names say which one."""
    checkpoint = make_checkpoint(tmp_path / "small", hidden=64, shards=3)
    shard_names(checkpoint, "{}.safetensors")
    (checkpoint / "model-00002-of-00003.safetensors").unlink()
    refused(checkpoint, "lacks the shard model-00002-of-00003.safetensors")
    (checkpoint / "model-00001-of-00003.safetensors").unlink()
    refused(checkpoint, "lacks the shard model-00001-of-00003.safetensors")


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    """Several whole models in one folder: the person says which."""
    checkpoint = make_checkpoint(tmp_path / "small", hidden=64)
    (checkpoint / "a.safetensors").write_bytes((checkpoint / "model.safetensors").read_bytes())
    (checkpoint / "model.safetensors").rename(checkpoint / "b.safetensors")
    refused(checkpoint, r"several files of weights \(a.safetensors, b.safetensors\)")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 12345\n"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_pointers_of_git_lfs(tmp_path: Path, name: str) -> None:
    """A clone without git-lfs has notes in place of large files."""
    checkpoint = make_checkpoint(tmp_path / "small", hidden=64)
    (checkpoint / name).write_bytes(POINTER)
    refused(checkpoint, f"{name} is a pointer of git-lfs, .* `git lfs pull`")


def gguf_only(folder: Path) -> None:
    """As people download GGUF files."""
    for path in folder.iterdir():
        path.unlink()
    (folder / "model-Q4_K_M.gguf").write_bytes(b"GGUF")


def gguf_with_config(folder: Path) -> None:
    """As some repositories have them."""
    (folder / "model.safetensors").unlink()
    (folder / "model-Q4_K_M.gguf").write_bytes(b"GGUF")


def adapter(folder: Path) -> None:
    """As PEFT saves one."""
    write_json(folder / "adapter_config.json", {"peft_type": "LORA"})
    (folder / "config.json").unlink()


def training_run(folder: Path) -> None:
    """As trainers save checkpoints."""
    inner = folder / "checkpoint-500"
    inner.mkdir()
    (folder / "config.json").rename(inner / "config.json")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (gguf_only, r"holds the GGUF file model-Q4_K_M.gguf: .*localqwq models add"),
        (gguf_with_config, r"no safetensors but the GGUF file .*localqwq models add"),
        (adapter, r"is an adapter, .* --merge BASE"),
        (training_run, r"There are checkpoints in it: .*checkpoint-500"),
    ],
)
def test_what_is_there_instead(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    """The way out is about what the folder holds."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    make(checkpoint)
    assert "ownload" not in refused(checkpoint, words)


LINEAR = "model.layers.0.mlp.up_proj."


@pytest.mark.parametrize(
    ("config", "names", "dtype", "words"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, [], "U8", "'bitsandbytes'"),
        ({"quantization": {"group_size": 64, "bits": 4}}, [], "U32", "MLX, 4 bits"),
        ({"compression_config": {"quant_method": "gguf"}}, [], "U8", "'gguf'"),
        ({}, ["weight.quant_state.bitsandbytes__nf4"], "U8", "bitsandbytes NF4"),
        ({}, ["qweight"], "I32", "GPTQ or AWQ"),
        ({}, ["scales"], "U32", "MLX, GPTQ or AWQ"),
        ({}, ["weight"], "F4", "F4, which needs scales"),
    ],
    ids=str,
)
def test_quantized_already(
    tmp_path: Path, config: dict[str, Any], names: list[str], dtype: str, words: str
) -> None:
    """Whoever made it, and also where the configuration does not say so."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    found = json.loads((checkpoint / "config.json").read_text())
    write_json(checkpoint / "config.json", found | config)
    path = checkpoint / "model.safetensors"
    if names:
        write_packed(path, [LINEAR + name for name in names], dtype)
    sentence = refused(checkpoint, f"quantized already .*{words}")
    assert "convert the original checkpoint" in sentence


def write_packed(path: Path, names: list[str], dtype: str) -> None:
    """A safetensors file whose tensors hold four elements each."""
    size = {"U8": 4, "U32": 16, "I32": 16, "F4": 2}[dtype]
    header = {
        name: {"dtype": dtype, "shape": [4], "data_offsets": [size * at, size * (at + 1)]}
        for at, name in enumerate(names)
    }
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(size * len(names)))


def test_a_training_that_went_wrong(tmp_path: Path) -> None:
    """A NaN is no matter of the download alone."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64, dtype="F32")
    tensors = tensors_of(checkpoint)
    tensors["model.norm.weight"][1][3] = np.nan
    write_safetensors(checkpoint / "model.safetensors", tensors)
    with pytest.raises(LocalqwqError, match=r"a training that went wrong .* earlier checkpoint"):
        convert(checkpoint, tmp_path / "pack", ["Q8_0"])


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_key_that_is_there_twice(tmp_path: Path, name: str) -> None:
    """People paste into these files; a second download would not help."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    text = (checkpoint / name).read_text()
    (checkpoint / name).write_text('{"model": 1, "version": "1.0", ' + text.lstrip()[1:])
    if name == "config.json":
        (checkpoint / name).write_text('{"vocab_size": 1, ' + text.lstrip()[1:])
    sentence = refused(checkpoint, r"has the key '\w+' twice")
    assert "ownload" not in sentence


def older_tokenizer(checkpoint: Path, *, listed: bool) -> None:
    """Replace tokenizer.json by the two files that came before it, and what they need."""
    path = checkpoint / "tokenizer.json"
    document = json.loads(path.read_text())
    path.unlink()
    added = document["added_tokens"]
    spellings = {token["content"] for token in added}
    vocabulary = document["model"]["vocab"]
    write_json(checkpoint / "vocab.json", vocabulary)
    lines = ["#version: 0.2", *document["model"]["merges"], ""]
    (checkpoint / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    settings = json.loads((checkpoint / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "Qwen2Tokenizer"
    if listed:
        settings["added_tokens_decoder"] = {str(token["id"]): token for token in added}
    else:
        settings.pop("added_tokens_decoder", None)
        write_json(checkpoint / "added_tokens.json", {t["content"]: t["id"] for t in added})
        special = [token["content"] for token in added if token["special"]]
        write_json(checkpoint / "special_tokens_map.json", {"additional_special_tokens": special})
    write_json(checkpoint / "tokenizer_config.json", settings)
    assert spellings


@pytest.mark.parametrize("listed", [True, False])
def test_a_tokenizer_of_two_files(tmp_path: Path, listed: bool) -> None:
    """Byte-level BPE needs no more; every byte of the file is the same."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    expected = convert(checkpoint, tmp_path / "plain", ["Q8_0"]).outputs[0].sha256
    older_tokenizer(checkpoint, listed=listed)
    notes: list[str] = []
    found = convert(checkpoint, tmp_path / "older", ["Q8_0"], note=notes.append)
    assert found.outputs[0].sha256 == expected
    [note] = notes
    assert "vocab.json and merges.txt are read" in note


def test_two_files_that_do_not_say_how_text_is_cut(tmp_path: Path) -> None:
    """GPT-2's tokenizer has the same two files and cuts otherwise."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    older_tokenizer(checkpoint, listed=True)
    settings = json.loads((checkpoint / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "GPT2Tokenizer"
    write_json(checkpoint / "tokenizer_config.json", settings)
    refused(checkpoint, "how a 'GPT2Tokenizer' cuts text: save the tokenizer again")


@pytest.mark.parametrize(
    ("name", "words"),
    [("tokenizer.model", "SentencePiece"), ("vocab.json", "copy the tokenizer's files")],
)
def test_other_tokenizers(tmp_path: Path, name: str, words: str) -> None:
    """A download would bring the same files again."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    (checkpoint / "tokenizer.json").rename(checkpoint / name)
    assert "ownload" not in refused(checkpoint, words)


@pytest.mark.parametrize("content", [b"\xff", b"h e l\n", b"h zz\n", POINTER])
def test_damaged_merges(tmp_path: Path, content: bytes) -> None:
    """They are named."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    older_tokenizer(checkpoint, listed=True)
    (checkpoint / "merges.txt").write_bytes(content)
    refused(checkpoint, "merges")


@pytest.mark.parametrize("ids", [{"a": "b"}, {"a": None}, {"a": [1]}, {"a": 1e400}, {"a": -1}])
def test_damaged_added_tokens(tmp_path: Path, ids: dict[str, Any]) -> None:
    """Anything can stand in a JSON."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=1, hidden=64)
    older_tokenizer(checkpoint, listed=False)
    write_json(checkpoint / "added_tokens.json", ids)
    refused(checkpoint, "added_tokens|the id")


def test_weights_that_lack_something(tmp_path: Path) -> None:
    """The reason is looked for in what is there."""
    checkpoint = make_checkpoint(tmp_path / "small", layers=2, hidden=64, tied=False)
    tensors = tensors_of(checkpoint)

    def without(part: str) -> str:
        rest = {name: value for name, value in tensors.items() if part not in name}
        write_safetensors(checkpoint / "model.safetensors", rest)
        return refused(checkpoint, "lacks the tensor")

    assert "set tie_word_embeddings to true" in without("lm_head")
    assert "end with layer 0" in without("layers.1.")
    assert "incomplete" in without("layers.0.mlp.up_proj")
    foreign = {f"transformer.h.{number}": tensors["model.norm.weight"] for number in range(3)}
    write_safetensors(checkpoint / "model.safetensors", foreign)
    assert "one is 'transformer.h.0'" in refused(checkpoint, "save_pretrained")
