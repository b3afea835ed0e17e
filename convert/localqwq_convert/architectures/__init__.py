"""The supported architectures: one table each, in its own file."""

from collections.abc import Mapping
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.architectures.llama import LLAMA
from localqwq_convert.architectures.qwen2 import QWEN2
from localqwq_convert.architectures.qwen3 import QWEN3
from localqwq_convert.architectures.rules import Architecture, ExpectedTensor, TensorRule

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "ExpectedTensor",
    "TensorRule",
    "find_architecture",
]

ARCHITECTURES: dict[str, Architecture] = {
    "Qwen2ForCausalLM": QWEN2,
    "LlamaForCausalLM": LLAMA,
    "Qwen3ForCausalLM": QWEN3,
}
"""Supported architectures, by the name in a ``config.json``'s ``architectures``."""


_CAUSAL = "ForCausalLM"


def find_architecture(config: Mapping[str, Any], what: str) -> Architecture:
    """Return the architecture that ``config`` names; ``what`` is the checkpoint's name for errors.

    Raises:
        LocalqwqError: an unsupported one (with the list of supported ones), or a variant that
            llama.cpp does not support.
    """
    name = _name(config)
    if isinstance(name, str) and name.removesuffix("Model") + _CAUSAL in ARCHITECTURES:
        raise LocalqwqError(
            f"{what} was saved without its output matrix, as {name}: save it with Transformers' "
            "AutoModelForCausalLM instead of AutoModel."
        )
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise LocalqwqError(
            f"{what} is a checkpoint of the architecture {ascii(name)[:60]}, and localqwq converts "
            f"{', '.join(ARCHITECTURES)}."
        )
    architecture = ARCHITECTURES[name]
    for key, wanted in architecture.settings.items():
        found = config.get(key)
        if found is not None and found != wanted:
            raise LocalqwqError(
                f"{what} has {key} {ascii(found)[:40]} in its config.json, but llama.cpp runs "
                f"{architecture.name} models only with {wanted!r}: it cannot be converted."
            )
    if architecture.may_slide and (setting := _sliding_window(config)):
        raise LocalqwqError(
            f"{what} has {setting} in its config.json, but llama.cpp runs {architecture.name} "
            "models only with full attention: it cannot be converted."
        )
    return architecture


def _name(config: Mapping[str, Any]) -> Any:
    """Return the architecture that ``config`` names, else its model type."""
    names = config.get("architectures")
    if names:
        return names[0] if isinstance(names, list) else None
    kind = config.get("model_type")
    return next(
        (name for name, architecture in ARCHITECTURES.items() if architecture.name == kind), None
    )


def _sliding_window(config: Mapping[str, Any]) -> str | None:
    """Return the setting that makes some layer attend to a window only, if any, as in
    Transformers.
    """
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        other = next((kind for kind in kinds if kind != "full_attention"), None)
        return f"layer_types of {ascii(other)[:40]}" if other is not None else None
    if not config.get("use_sliding_window") or config.get("sliding_window", True) is None:
        return None
    first, layers = config.get("max_window_layers"), config.get("num_hidden_layers")
    if isinstance(first, int) and isinstance(layers, int) and first >= layers:
        return None
    return f"use_sliding_window {ascii(config['use_sliding_window'])[:40]}"
