"""Checkpoints of any size that take no disk: real headers and, for weights, holes full of zeros."""

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.checkpoint_source import CheckpointSource
from localqwq_convert.model import read_model
from localqwq_convert.plan import Options, plan_outputs
from tests.checkpoints import tensor_shapes, write_json, write_tokenizer

QWQ: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 5120,
    "intermediate_size": 27648,
    "max_position_embeddings": 40960,
    "num_attention_heads": 40,
    "num_hidden_layers": 64,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": False,
    "vocab_size": 152064,
    "bos_token_id": 256,
    "eos_token_id": 258,
}
"""QwQ-32B's configuration, but for the ids of special tokens, which are those of our tokenizer."""


def shape(
    hidden: int, network: int, layers: int, heads: int, kv_heads: int, vocabulary: int, tied: bool
) -> dict[str, Any]:
    """A configuration of the same graph as QwQ-32B."""
    return QWQ | {
        "hidden_size": hidden,
        "intermediate_size": network,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
    }


def make_sparse_checkpoint(directory: Path, config: Mapping[str, Any], *, shards: int = 1) -> Path:
    """Write a BF16 checkpoint of this configuration into ``directory`` and return it.

    The shards follow each other in the order of the model and have about the same size.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "config.json", config)
    write_tokenizer(directory)
    shapes = tensor_shapes(config)
    total = 2 * sum(map(prod, shapes.values()))
    groups: list[dict[str, tuple[int, ...]]] = [{} for _ in range(shards)]
    placed = 0
    for name, shape in shapes.items():
        groups[placed * shards // total][name] = shape
        placed += 2 * prod(shape)
    names = [f"model-{number:05}-of-{shards:05}.safetensors" for number in range(1, shards + 1)]
    names = names if shards > 1 else ["model.safetensors"]
    for file_name, group in zip(names, groups, strict=True):
        _write_sparse(directory / file_name, group)
    if shards > 1:
        placement = {
            tensor: name for name, group in zip(names, groups, strict=True) for tensor in group
        }
        index = {"metadata": {"total_size": total}, "weight_map": placement}
        write_json(directory / "model.safetensors.index.json", index)
    return directory


def make_sparse_gguf(directory: Path, config: Mapping[str, Any], quant: str) -> Path:
    """Write the GGUF that a checkpoint of this configuration becomes, with holes for weights.

    The file in ``directory`` is called ``sparse-<quant>.gguf``.
    """
    checkpoint = make_sparse_checkpoint(directory / "checkpoint", config)
    with open_checkpoint(checkpoint) as opened:
        model = read_model(opened, "sparse", "yarn")
        [planned] = plan_outputs(CheckpointSource(model), directory, [quant], Options())[0].files
    with planned.path.open("wb") as file:
        file.writelines(planned.header)
        file.truncate(planned.bytes)
    return planned.path


def _write_sparse(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + 2 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)
