"""Makes small, real checkpoints with random weights, from numpy and JSON alone."""

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MERGES = (("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "w"), ("o", "r"), ("Ġw", "or"))
"""Merges of the tokenizer: enough for ``hello`` in one token and `` world`` in three."""
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PLAIN_TOKENS = (
    "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>",
)  # fmt: skip
"""Added tokens that QwQ does not mark as special."""
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
)
VOCABULARY = 288
"""Rows of the embedding; a few more than there are tokens, as in QwQ."""


CLASSES = {
    "qwen2": "Qwen2ForCausalLM",
    "llama": "LlamaForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""The name in ``config.json``'s ``architectures``, by llama.cpp's name."""
LLAMA3_SCALING: Mapping[str, Any] = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
"""Llama 3.1's scaling, from a context that is small enough to matter in a test."""
YARN_SCALING: Mapping[str, Any] = {
    "rope_type": "yarn",
    "factor": 4.0,
    "original_max_position_embeddings": 64,
}
"""YaRN from a context that is small enough to matter in a test."""


def make_checkpoint(
    directory: Path,
    *,
    architecture: str = "qwen2",
    layers: int = 2,
    hidden: int = 256,
    feed_forward: int = 512,
    heads: int = 4,
    kv_heads: int = 2,
    vocabulary: int = VOCABULARY,
    context: int = 2048,
    tied: bool = True,
    dtype: str = "BF16",
    shards: int = 1,
    pair_merges: bool = False,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
) -> Path:
    """Write a checkpoint into ``directory`` and return it.

    Args:
        directory: made where missing.
        architecture: ``qwen2``, ``llama`` or ``qwen3``.
        layers: number of layers.
        hidden: row length of the embedding.
        feed_forward: rows of the gate and up projections.
        heads: query heads.
        kv_heads: key and value heads.
        vocabulary: rows of the embedding.
        context: ``max_position_embeddings``.
        tied: without an output matrix of its own.
        dtype: ``BF16``, ``F16`` or ``F32``.
        shards: more than one adds an index.
        pair_merges: spell merges as pairs, as newer tokenizers do.
        seed: of the weights.
        config: further keys for ``config.json``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    values: dict[str, Any] = {
        "architectures": [CLASSES[architecture]],
        "model_type": architecture,
        "hidden_size": hidden,
        "intermediate_size": feed_forward,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": context,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
        "vocab_size": vocabulary,
        "bos_token_id": 256,
        "eos_token_id": 258,
        # Qwen3's heads are no part of the embedding in length, so its configurations name it.
        **({"head_dim": hidden // heads} if architecture == "qwen3" else {}),
        **(config or {}),
    }
    write_json(directory / "config.json", values)
    write_json(
        directory / "generation_config.json",
        {"temperature": 0.6, "top_k": 40, "top_p": 0.95, "repetition_penalty": 1.0},
    )
    write_tokenizer(directory, pair_merges=pair_merges)
    shapes = tensor_shapes(values)
    tensors = random_tensors(shapes, dtype, seed)
    if shards == 1:
        write_safetensors(directory / "model.safetensors", tensors)
    else:
        write_shards(directory, tensors, shards)
    return directory


def tensor_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that a checkpoint of this configuration holds."""
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (vocabulary, hidden)}
    inside = _layer_shapes(config)
    for layer in range(config["num_hidden_layers"]):
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in inside.items()}
    shapes["model.norm.weight"] = (hidden,)
    if not config.get("tie_word_embeddings", False):
        shapes["lm_head.weight"] = (vocabulary, hidden)
    return shapes


def _layer_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    hidden, feed_forward = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries = head * config["num_attention_heads"]
    keys = head * config["num_key_value_heads"]
    architecture = config["architectures"][0]
    projections = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (feed_forward, hidden),
        "mlp.up_proj": (feed_forward, hidden),
        "mlp.down_proj": (hidden, feed_forward),
    }
    biased: list[str] = []
    if architecture == CLASSES["qwen2"]:
        biased += ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
    elif config.get("attention_bias"):
        biased += [name for name in projections if name.startswith("self_attn.")]
    if config.get("mlp_bias"):
        biased += [name for name in projections if name.startswith("mlp.")]
    shapes: dict[str, tuple[int, ...]] = {"input_layernorm.weight": (hidden,)}
    for name, shape in projections.items():
        shapes[f"{name}.weight"] = shape
        if name in biased:
            shapes[f"{name}.bias"] = shape[:1]
        if name == "self_attn.o_proj":
            shapes["post_attention_layernorm.weight"] = (hidden,)
    if architecture == CLASSES["qwen3"]:
        shapes |= {"self_attn.q_norm.weight": (head,), "self_attn.k_norm.weight": (head,)}
    return shapes


def random_tensors(
    shapes: Mapping[str, tuple[int, ...]], dtype: str, seed: int
) -> dict[str, tuple[str, NDArray[Any]]]:
    """Small random weights by name, as (safetensors type, array); BF16 as raw bits."""
    random = np.random.default_rng(seed)
    tensors: dict[str, tuple[str, NDArray[Any]]] = {}
    for name, shape in shapes.items():
        weights = random.standard_normal(shape, dtype=np.float32) * np.float32(0.05)
        if name.endswith("norm.weight"):
            weights += np.float32(1)
        tensors[name] = (dtype, _stored(weights, dtype))
    return tensors


def _stored(weights: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    if dtype == "BF16":
        return (weights.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    return weights.astype({"F16": np.float16, "F32": np.float32}[dtype])


def write_safetensors(path: Path, tensors: Mapping[str, tuple[str, NDArray[Any]]]) -> None:
    """Write one safetensors file."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (dtype, values) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [offset, offset + values.nbytes],
        }
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            file.write(values.tobytes())


def write_shards(
    directory: Path, tensors: Mapping[str, tuple[str, NDArray[Any]]], shards: int
) -> None:
    """Spread the tensors over shards, with an index."""
    placement: dict[str, str] = {}
    names = list(tensors)
    for shard in range(shards):
        file_name = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        chosen = names[shard::shards]
        write_safetensors(directory / file_name, {name: tensors[name] for name in chosen})
        placement |= dict.fromkeys(chosen, file_name)
    total = sum(prod(values.shape) * values.itemsize for _, values in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": placement}
    write_json(directory / "model.safetensors.index.json", index)


def write_tokenizer(directory: Path, *, pair_merges: bool = False) -> None:
    """Write a byte-level BPE tokenizer: 256 letters, some added tokens, few merges."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": 256 + index, "content": token, **plain, "special": token in SPECIAL_TOKENS}
        for index, token in enumerate(SPECIAL_TOKENS + PLAIN_TOKENS)
    ]
    # Added tokens that are not last keep their ids only where the vocabulary has them too.
    spellings = [*byte_letters(), *SPECIAL_TOKENS, *PLAIN_TOKENS]
    vocabulary = {token: index for index, token in enumerate(spellings)}
    for index, (left, right) in enumerate(MERGES):
        vocabulary[left + right] = 256 + len(added) + index
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": False,
        "use_regex": False,
    }
    split = {
        "type": "Split",
        "pattern": {"Regex": QWEN2_PATTERN},
        "behavior": "Isolated",
        "invert": False,
    }
    merges = [list(pair) if pair_merges else " ".join(pair) for pair in MERGES]
    document = {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }
    write_json(directory / "tokenizer.json", document)
    settings = {
        "add_bos_token": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": CHAT_TEMPLATE,
    }
    write_json(directory / "tokenizer_config.json", settings)


def byte_letters() -> list[str]:
    """The letter that stands for each byte in a byte-level vocabulary, by byte.

    Bytes that print keep their own letter; the others get those from U+0100 on (GPT-2's rule).
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON document."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
