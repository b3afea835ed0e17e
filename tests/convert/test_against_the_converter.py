"""llama.cpp's `convert_hf_to_gguf.py` beside ours: every key and every byte of every tensor.

Needs torch, transformers and llama.cpp's source, whose folder `LLAMA_CPP_SOURCE` names. What
differs is what the table in `docs/convert.md` lists, and nothing else.
"""

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localqwq.gguf.header import Header, read_header
from localqwq_convert.pipeline import convert
from tests.checkpoints import (
    LLAMA3_SCALING,
    YARN_SCALING,
    make_checkpoint,
    random_tensors,
    tensor_shapes,
    write_json,
    write_safetensors,
)

SOURCE = Path(os.environ.get("LLAMA_CPP_SOURCE", ""))
DOCUMENT = Path(__file__).parents[2] / "docs" / "convert.md"
NEEDS_CONVERTER = pytest.mark.skipif(
    not (
        (SOURCE / "convert_hf_to_gguf.py").is_file()
        and importlib.util.find_spec("torch")
        and importlib.util.find_spec("transformers")
    ),
    reason="needs torch, transformers, and llama.cpp's source in LLAMA_CPP_SOURCE",
)

ALWAYS = {"general.name"}
GUESSED = {"general.basename", "general.finetune", "general.version", "general.size_label"}


def with_template(checkpoint: Path) -> None:
    """Add a template in a file, beside the older one in the settings."""
    (checkpoint / "chat_template.jinja").write_text("{{ messages[0].content }}")


def with_head(checkpoint: Path) -> None:
    """Add an equal copy of the embedding as output matrix."""
    shapes = tensor_shapes(
        {**SMALL, "num_hidden_layers": 1, "architectures": ["Qwen2ForCausalLM"], "vocab_size": 288}
        | {"tie_word_embeddings": True}
    )
    tensors = random_tensors(shapes, "BF16", 0)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    write_safetensors(checkpoint / "model.safetensors", tensors)


def with_card(checkpoint: Path) -> None:
    """Add a model card."""
    (checkpoint / "README.md").write_text(
        "---\nlicense: apache-2.0\nbase_model: Qwen/Qwen2.5-7B\ntags:\n- chat\nlanguage:\n- en\n"
        "datasets:\n- someone/data\npipeline_tag: text-generation\n---\n# It\n"
    )


def with_sampling(checkpoint: Path) -> None:
    """Recommend sampling, and ends of text that the settings do not name."""
    settings = {"min_p": 0.05, "top_k": 20, "temperature": 0.7, "eos_token_id": [258, 256]}
    write_json(checkpoint / "generation_config.json", settings)


def nothing(checkpoint: Path) -> None:
    """Leave it as it is."""


SMALL = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
YARN = {"rope_scaling": YARN_SCALING}
NESTED = {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 7.0}}}
LINEAR = {"rope_scaling": {"type": "linear", "factor": 4.0}}


@dataclass(frozen=True)
class Case:
    """A checkpoint, and what may differ."""

    options: dict[str, Any] = field(default_factory=dict)
    differs: set[str] = field(default_factory=set)
    """Keys, and names of tensors."""
    change: Callable[[Path], None] = nothing
    name: str = "small"
    loads: bool = True
    """Whether Transformers can load it, and so save it again."""


CASES = {
    "qwen2": Case({"tied": False}),
    "qwen2 tied": Case(),
    "qwen2 with YaRN": Case({"config": YARN}, {"qwen2.context_length"}),
    "qwen2 linear": Case({"config": LINEAR}),
    "qwen2 in F16": Case({"dtype": "F16"}),
    "qwen2 in shards": Case({"shards": 3}),
    "qwen2 nested": Case({"config": NESTED}, loads=False),
    "qwen2 two bases": Case(
        {"config": {"rope_parameters": {"rope_type": "default", "rope_theta": 7.0}}}
    ),
    "llama": Case({"architecture": "llama", "tied": False}),
    "llama 3.1": Case({"architecture": "llama", "config": {"rope_scaling": LLAMA3_SCALING}}),
    "llama with biases": Case(
        {"architecture": "llama", "config": {"attention_bias": True, "mlp_bias": True}}
    ),
    "llama with long heads": Case({"architecture": "llama", "config": {"head_dim": 32}}),
    "llama with YaRN": Case({"architecture": "llama", "config": YARN}, {"llama.context_length"}),
    "qwen3": Case({"architecture": "qwen3"}),
    "qwen3 with YaRN": Case({"architecture": "qwen3", "config": YARN}, {"qwen3.context_length"}),
    "a card": Case(change=with_card),
    "sampling": Case(change=with_sampling),
    "further ends": Case(
        {"config": {"eos_token_id": [258, 256, 257]}}, {"tokenizer.ggml.eot_token_id"}
    ),
    "two templates": Case({}, {"tokenizer.chat_template"}, with_template),
    "a copied head": Case({}, {"output.weight", "general.size_label"}, with_head),
    "a telling name": Case({}, GUESSED, name="QwQ-Small-7B-Instruct-v1"),
}


def compare(checkpoint: Path, directory: Path) -> tuple[set[str], list[str], list[str]]:
    """Keys and tensors that differ, and the keys that both have in either's order."""
    theirs_path = directory / "theirs.gguf"
    arguments = [str(SOURCE), "qwen2", str(checkpoint), "--outfile", str(theirs_path)]
    command = [sys.executable, "-m", "tests.convert.run_converter", *arguments, "--outtype", "bf16"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours_path = convert(checkpoint, directory / "pack", ["BF16"]).outputs[0].path
    ours, theirs = (read_header(path, arrays=True) for path in (ours_path, theirs_path))
    keys = dict.fromkeys([*ours.metadata, *theirs.metadata])
    differs = {key for key in keys if ours.metadata.get(key) != theirs.metadata.get(key)}
    weights = [contents(*pair) for pair in ((ours_path, ours), (theirs_path, theirs))]
    names = weights[0].keys() | weights[1].keys()
    differs |= {name for name in names if weights[0].get(name) != weights[1].get(name)}
    our_order = [key for key in ours.metadata if key in theirs.metadata]
    return differs, our_order, [key for key in theirs.metadata if key in ours.metadata]


def contents(path: Path, header: Header) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Type, shape and bytes of every tensor."""
    data = path.read_bytes()
    return {
        tensor.name: (
            tensor.type,
            tensor.shape,
            data[tensor.offset : tensor.offset + tensor.bytes],
        )
        for tensor in header.tensors
    }


@NEEDS_CONVERTER
@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_same_as_llama_cpps_converter(tmp_path: Path, name: str, saved: bool) -> None:
    """Also of what Transformers' current version saves; only what is listed differs."""
    case = CASES[name]
    options = {"layers": 1, "hidden": 64, "feed_forward": 96, "context": 64} | case.options
    checkpoint = make_checkpoint(tmp_path / case.name, **options)
    if saved and not case.loads:
        pytest.skip("Transformers itself does not load it")
    if saved:
        checkpoint = saved_again(checkpoint, tmp_path / "saved" / case.name)
    case.change(checkpoint)
    differs, ours, theirs = compare(checkpoint, tmp_path)
    assert differs <= ALWAYS | case.differs
    if not saved:  # Transformers may have settled it
        assert case.differs - GUESSED <= differs
    assert ours == theirs


def saved_again(checkpoint: Path, target: Path) -> Path:
    """What Transformers writes after it has read a checkpoint."""
    transformers: Any = importlib.import_module("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    model.save_pretrained(target)
    transformers.AutoTokenizer.from_pretrained(checkpoint).save_pretrained(target)
    return target


def test_every_difference_is_in_the_table() -> None:
    """By the name of its key."""
    text = DOCUMENT.read_text(encoding="utf-8")
    differs = ALWAYS | GUESSED | {key for case in CASES.values() for key in case.differs}
    for key in differs:
        assert f"`{key.partition('.')[2]}`" in text or f"`{key}`" in text, key
