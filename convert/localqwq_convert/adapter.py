"""Merging a LoRA adapter, as saved by PEFT, into a checkpoint while it is read.

The adapter of a matrix W is a product of two narrow ones: the merged matrix is W + B·A·scale
(https://arxiv.org/abs/2106.09685), with scale = alpha / rank, or alpha / √rank for rsLoRA.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.checkpoint import Checkpoint, open_checkpoint
from localqwq_convert.directory import ADAPTER
from localqwq_convert.json_file import read_object
from localqwq_convert.low_rank import LowRank
from localqwq_convert.notes import Note
from localqwq_convert.quantized import check_types
from localqwq_convert.safetensors import StoredTensor, read_tensors
from localqwq_convert.tensor_names import canonical_names

_WEIGHTS = "adapter_model.safetensors"
_FACTOR = re.compile(r"(.+)\.lora_(embedding_)?([AB])(?:\.\w+)?(?:\.weight)?")
_COPY = re.compile(r"\.(?:modules_to_save|original_module|base_layer)(?:\.default)?(?=\.)")
"""The marker in the names of tensors that PEFT stores whole."""
_REFUSED = {
    "use_dora": "DoRA, which also rescales rows",
    "fan_in_fan_out": "transposed matrices (fan_in_fan_out)",
    "lora_bias": "biases of its own (lora_bias)",
    "layer_replication": "replicated layers (layer_replication)",
    "target_parameters": "parameters outside of linear layers (target_parameters)",
    "trainable_token_indices": "single rows of the embedding (trainable_token_indices)",
    "alora_invocation_tokens": "an adapter that only some tokens turn on (aLoRA)",
    "use_qalora": "QALoRA",
    "arrow_config": "routing between adapters (Arrow)",
}
"""Settings that do more than add a product, and what each means."""
_PLAIN_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")
"""Initializations that leave the base model unchanged."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """The changes of an adapter, by Transformers' tensor names."""

    products: Mapping[str, LowRank]
    copies: Mapping[str, StoredTensor]
    """Tensors that were trained whole, such as an embedding with new tokens."""


def open_merged(adapter: Path, base: Path, note: Note) -> Checkpoint:
    """Open the checkpoint in ``base`` with the changes of the adapter in the folder ``adapter``.

    Args:
        adapter: folder saved by PEFT.
        base: directory of the checkpoint that the adapter was trained on.
        note: told about anything unusual.

    Raises:
        LocalqwqError: not an adapter, one that cannot be merged, or one for another model.
    """
    read = read_adapter(adapter)
    opened = open_checkpoint(base, note)
    for name, product in read.products.items():
        matrix = read.copies.get(name) or opened.tensors.get(name)
        if matrix is None or matrix.shape != product.shape:
            found = "no such tensor" if matrix is None else f"the shape {list(matrix.shape)}"
            raise LocalqwqError(
                f"{adapter} was not trained on {base}: it changes {ascii(name)[:80]} in the shape "
                f"{list(product.shape)}, and there is {found}. Name the right base with --merge."
            )
    config = dict(opened.config)
    embedding = read.copies.get("model.embed_tokens.weight")
    if embedding is not None and len(embedding.shape) == 2:
        config["vocab_size"] = embedding.shape[0]
    return replace(
        opened,
        config=config,
        tensors={**opened.tensors, **read.copies},
        products=read.products,
        tokenizer_directory=adapter if (adapter / "tokenizer.json").is_file() else base,
        card_directory=adapter if (adapter / "README.md").is_file() else base,
    )


def read_adapter(directory: Path) -> Adapter:
    """Read the settings and the header of the adapter in ``directory``.

    Raises:
        LocalqwqError: there is none, or it is more than LoRA.
    """
    if not (directory / ADAPTER).is_file():
        raise LocalqwqError(
            f"{directory} has no {ADAPTER}, so it is not an adapter that could be merged: leave "
            "out --merge for a whole checkpoint."
        )
    config = read_object(directory / ADAPTER)
    _check_kind(directory, config)
    path = directory / _WEIGHTS
    if not path.is_file():
        raise LocalqwqError(
            f"{directory} has no {_WEIGHTS}: save the adapter with a current PEFT, which writes it."
        )
    stored = read_tensors(path)
    check_types(directory, stored)
    try:
        names = canonical_names(stored)
    except ValueError as error:
        raise LocalqwqError(f"{path} has one tensor under two names: {error}.") from error
    return _sorted_out(path, config, {name: stored[key] for key, name in names.items()})


def _check_kind(directory: Path, config: Mapping[str, Any]) -> None:
    kind = config.get("peft_type")
    if kind != "LORA":
        raise LocalqwqError(
            f"{directory} is an adapter of the kind {ascii(kind)[:40]}, and only LORA can be "
            "merged here: merge it with PEFT's `merge_and_unload()`, and convert what that saves."
        )
    features = [feature for key, feature in _REFUSED.items() if config.get(key)]
    start = config.get("init_lora_weights")
    if not any(start is plain or start == plain for plain in _PLAIN_STARTS):
        features.append(f"a start that changes the base model (init_lora_weights {start!a})")
    if features:
        raise LocalqwqError(
            f"{directory} uses {features[0][:120]}: merge it with PEFT's `merge_and_unload()`, and "
            "convert what that saves."
        )


def _sorted_out(
    path: Path, config: Mapping[str, Any], tensors: Mapping[str, StoredTensor]
) -> Adapter:
    factors: dict[tuple[str, bool], dict[str, StoredTensor]] = {}
    copies: dict[str, StoredTensor] = {}
    for name, tensor in tensors.items():
        if factor := _FACTOR.fullmatch(name):
            factors.setdefault((factor[1], bool(factor[2])), {})[factor[3]] = tensor
        elif ".lora_" in name or ".token_adapter" in name:
            raise LocalqwqError(
                f"{path} has a tensor {ascii(name)[:80]}, which is not part of plain LoRA: merge "
                "it with PEFT's `merge_and_unload()`, and convert what that saves."
            )
        else:
            copies[_COPY.sub("", name)] = tensor
    products: dict[str, LowRank] = {}
    for (module, embedding), pair in factors.items():
        if pair.keys() != {"A", "B"} or any(len(part.shape) != 2 for part in pair.values()):
            raise LocalqwqError(
                f"{path} has only a part of the adapter of {ascii(module)[:80]}: save it again."
            )
        rank = pair["A"].shape[0]
        if rank != pair["B"].shape[1] or rank == 0:
            raise LocalqwqError(
                f"{path} has factors of {ascii(module)[:80]} that do not match each other: save "
                "it again."
            )
        scale = _scale(path.with_name(ADAPTER), config, module, rank)
        products[f"{module}.weight"] = LowRank(pair["A"], pair["B"], scale, embedding)
    if not products and not copies:
        raise LocalqwqError(f"{path} is empty: it would change nothing.")
    return Adapter(products, copies)


def _scale(path: Path, config: Mapping[str, Any], module: str, rank: int) -> float:
    """Return the factor of the product; some modules have their own alpha."""
    alpha = config.get("lora_alpha")
    own = config.get("alpha_pattern") or {}
    for pattern, value in own.items() if isinstance(own, dict) else ():
        try:
            matches = re.fullmatch(rf"(.*\.)?({pattern})", module)
        except (re.error, RecursionError, OverflowError) as error:
            raise LocalqwqError(
                f"{path} has the alpha_pattern {ascii(pattern)[:60]}, which is not a "
                "regular expression: save the adapter again."
            ) from error
        if matches:
            alpha = value
            break
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not abs(alpha) < 1e6:
        raise LocalqwqError(f"{path} has a lora_alpha of {ascii(alpha)[:40]}: save it again.")
    return alpha / sqrt(rank) if config.get("use_rslora") else alpha / rank
