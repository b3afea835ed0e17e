"""A GGUF's metadata, with the keys, types and order that llama.cpp's own tools give them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gguf.constants import GGUFValueType

from localqwq.errors import LocalqwqError
from localqwq_convert.architecture import Dimensions
from localqwq_convert.header import Entry
from localqwq_convert.recipes import file_type, is_block_quantization
from localqwq_convert.rope import Rope
from localqwq_convert.tokenizer import Tokenizer

_QUANTIZATION_VERSION = 2
"""Of ggml's block formats."""

_I32, _U32, _F32 = GGUFValueType.INT32, GGUFValueType.UINT32, GGUFValueType.FLOAT32
_TEXT, _BOOL = GGUFValueType.STRING, GGUFValueType.BOOL

_SAMPLING: tuple[tuple[str, str, GGUFValueType], ...] = (
    ("top_k", "top_k", _I32),
    ("top_p", "top_p", _F32),
    ("min_p", "min_p", _F32),
    ("temperature", "temp", _F32),
    ("repetition_penalty", "penalty_repeat", _F32),
)
"""Key in ``generation_config.json``, key in GGUF, and type."""

_SPECIAL_KEYS = {"unk": "unknown", "sep": "seperator", "pad": "padding"}
"""Roles whose GGUF key differs from the role; the spelling of the second is GGUF's own."""

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_LICENSE = re.compile(r"^license:[ \t]*[\"']?([A-Za-z0-9][A-Za-z0-9.+_-]{0,60})", re.MULTILINE)


def model_metadata(
    *,
    architecture: str,
    name: str,
    license_name: str | None,
    parameters: int,
    dimensions: Dimensions,
    rope: Rope,
    config: Mapping[str, Any],
    generation_config: Mapping[str, Any],
    quantization: str,
) -> list[Entry]:
    """The metadata of a file of this quantization, up to the tokenizer."""
    entries = [
        Entry("general.architecture", _TEXT, architecture),
        Entry("general.type", _TEXT, "model"),
        *_sampling(generation_config),
        Entry("general.name", _TEXT, name),
        Entry("general.size_label", _TEXT, size_label(parameters)),
    ]
    if license_name:
        entries.append(Entry("general.license", _TEXT, license_name))
    entries += _hyperparameters(architecture, dimensions, rope, config)
    if not is_block_quantization(quantization):
        version, kind = _quantization(quantization)
        entries += [kind, version]
    return entries


def tokenizer_metadata(tokenizer: Tokenizer) -> list[Entry]:
    """The keys of the tokenizer."""
    prefix = "tokenizer.ggml."
    entries = [
        Entry(prefix + "model", _TEXT, "gpt2"),
        Entry(prefix + "pre", _TEXT, tokenizer.pre),
        Entry(prefix + "tokens", _TEXT, tokenizer.tokens),
        Entry(prefix + "token_type", _I32, tokenizer.types),
        Entry(prefix + "merges", _TEXT, tokenizer.merges),
    ]
    for role, index in tokenizer.special.items():
        key = f"{prefix}{_SPECIAL_KEYS.get(role, role)}_token_id"
        entries.append(Entry(key, _U32, index))
    for role, value in tokenizer.added.items():
        entries.append(Entry(f"{prefix}add_{role}_token", _BOOL, value))
    if tokenizer.chat_template is not None:
        entries.append(Entry("tokenizer.chat_template", _TEXT, tokenizer.chat_template))
    return entries


def closing_metadata(quantization: str) -> list[Entry]:
    """What llama.cpp's quantizer moves behind the tokenizer in the files that it makes."""
    return list(_quantization(quantization)) if is_block_quantization(quantization) else []


def size_label(parameters: int) -> str:
    """A count of parameters in two digits or more, such as ``33B`` or ``3.3M``."""
    scales = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
    scale, suffix = next((s for s in scales if parameters > s[0]), scales[-1])
    amount = parameters / scale
    digits = len(str(round(amount)).lstrip("0"))
    return f"{amount:.{max(2 - digits, 0)}f}{suffix}"


def read_license(directory: Path) -> str | None:
    """The license that the checkpoint's model card (``README.md``) names, if any."""
    try:
        card = (directory / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    front = _FRONT_MATTER.match(card)
    found = _LICENSE.search(front[1]) if front else None
    return found[1] if found else None


def _sampling(generation_config: Mapping[str, Any]) -> list[Entry]:
    entries = []
    for source, target, kind in _SAMPLING:
        value = generation_config.get(source)
        if value is None:
            continue
        whole = kind is _I32
        kinds = int if whole else int | float
        if isinstance(value, bool) or not isinstance(value, kinds) or not abs(value) < 1e6:
            raise LocalqwqError(
                f"generation_config.json has a {source} of {ascii(value)[:40]}: it should be "
                f"a {'whole ' if whole else ''}number."
            )
        entries.append(Entry(f"general.sampling.{target}", kind, value))
    return entries


def _hyperparameters(
    architecture: str, dimensions: Dimensions, rope: Rope, config: Mapping[str, Any]
) -> list[Entry]:
    prefix = architecture + "."
    entries = [
        Entry(prefix + "block_count", _U32, dimensions.layers),
        Entry(prefix + "context_length", _U32, rope.context),
        Entry(prefix + "embedding_length", _U32, dimensions.embedding),
        Entry(prefix + "feed_forward_length", _U32, dimensions.feed_forward),
        Entry(prefix + "attention.head_count", _U32, dimensions.heads),
        Entry(prefix + "attention.head_count_kv", _U32, dimensions.kv_heads),
    ]
    if rope.yarn:
        scaling = prefix + "rope.scaling."
        entries += [
            Entry(scaling + "type", _TEXT, "yarn"),
            Entry(scaling + "factor", _F32, rope.yarn.factor),
            Entry(scaling + "original_context_length", _U32, rope.yarn.original_context),
        ]
        entries += [Entry(scaling + key, _F32, value) for key, value in rope.yarn.further]
    epsilon = config.get("rms_norm_eps", 1e-6)
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 <= epsilon < 1:
        raise LocalqwqError(
            f"config.json has an rms_norm_eps of {ascii(epsilon)[:40]}: it should be a number."
        )
    entries += [
        Entry(prefix + "rope.freq_base", _F32, rope.theta),
        Entry(prefix + "attention.layer_norm_rms_epsilon", _F32, epsilon),
    ]
    if "head_dim" in config:
        entries += [
            Entry(prefix + "attention.key_length", _U32, dimensions.head),
            Entry(prefix + "attention.value_length", _U32, dimensions.head),
        ]
    return entries


def _quantization(quantization: str) -> tuple[Entry, Entry]:
    return (
        Entry("general.quantization_version", _U32, _QUANTIZATION_VERSION),
        Entry("general.file_type", _U32, file_type(quantization)),
    )
