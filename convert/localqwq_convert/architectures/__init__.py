"""What can be converted: one table an architecture, in a file of its own."""

from collections.abc import Mapping
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.architectures.llama import LLAMA
from localqwq_convert.architectures.qwen2 import QWEN2
from localqwq_convert.architectures.qwen3 import QWEN3
from localqwq_convert.architectures.table import Architecture, ExpectedTensor, TensorRule

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
"""What can be converted, by the name in a ``config.json``'s ``architectures``."""


def find_architecture(config: Mapping[str, Any], what: str) -> Architecture:
    """The architecture that ``config`` names; ``what`` is the checkpoint's name for errors.

    Raises:
        LocalqwqError: one that cannot be converted, with the list of those that can, or a
            variant of one that llama.cpp does not compute.
    """
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names else None
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
                f"{what} has {key} {ascii(found)[:40]} in its config.json, and llama.cpp computes "
                f"{architecture.name} models only with {wanted!r}: it cannot be converted."
            )
    return architecture
