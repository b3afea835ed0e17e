"""A table of what makers recommend for their models but leave out of the files.

Sources are the models' cards on Hugging Face: QwQ-32B, Qwen2.5-Instruct (and Qwen2.5-Coder and
Qwen2-Instruct, which have the same numbers) from 7B on, and Qwen3 from 4B on are trained with
32,768 positions and validated with YaRN up to 131,072. Their base models, the smaller ones,
QwQ-32B-Preview and DeepSeek-R1-Distill-Qwen make no such claim and have other numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localqwq_convert.rope_entry import stated_theta

_KEYS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "max_position_embeddings",
    "rms_norm_eps",
)
_THETA = 1000000.0
"""Base of the rotation frequencies of all of them."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model, the numbers that identify it, and its makers' recommendations."""

    name: str
    architecture: str
    numbers: tuple[float, ...]
    """Values of ``_KEYS`` in its ``config.json``."""
    sampling: Mapping[str, float] = field(default_factory=dict)
    """Recommendations beyond its ``generation_config.json``, under GGUF names."""
    yarn_factor: float = 4.0
    original_context: int = 32768
    """Its trained context in tokens."""


_QWEN2, _QWEN3 = "Qwen2ForCausalLM", "Qwen3ForCausalLM"

# fmt: off
KNOWN_MODELS = (
    KnownModel("QwQ-32B", _QWEN2, (5120, 27648, 64, 40, 8, 152064, 40960, 1e-5), {"min_p": 0.0}),
    KnownModel("Qwen2.5-7B-Instruct", _QWEN2, (3584, 18944, 28, 28, 4, 152064, 32768, 1e-6)),
    KnownModel("Qwen2.5-14B-Instruct", _QWEN2, (5120, 13824, 48, 40, 8, 152064, 32768, 1e-6)),
    KnownModel("Qwen2.5-32B-Instruct", _QWEN2, (5120, 27648, 64, 40, 8, 152064, 32768, 1e-6)),
    KnownModel("Qwen2.5-72B-Instruct", _QWEN2, (8192, 29568, 80, 64, 8, 152064, 32768, 1e-6)),
    KnownModel("Qwen3-4B", _QWEN3, (2560, 9728, 36, 32, 8, 151936, 40960, 1e-6)),
    KnownModel("Qwen3-8B", _QWEN3, (4096, 12288, 36, 32, 8, 151936, 40960, 1e-6)),
    KnownModel("Qwen3-14B", _QWEN3, (5120, 17408, 40, 40, 8, 151936, 40960, 1e-6)),
    KnownModel("Qwen3-32B", _QWEN3, (5120, 25600, 64, 64, 8, 151936, 40960, 1e-6)),
)
# fmt: on


def find_known_model(config: Mapping[str, Any]) -> KnownModel | None:
    """Return the model in the table whose numbers all match ``config``, if there is one."""
    if stated_theta(config) != _THETA:
        return None
    numbers = tuple(config.get(key) for key in _KEYS)
    for model in KNOWN_MODELS:
        if numbers == model.numbers and config.get("architectures") == [model.architecture]:
            return model
    return None
