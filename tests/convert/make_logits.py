"""Records what Transformers computes: ``python -m tests.convert.make_logits``.

Needs torch and transformers, which nothing else in the tests does; the recorded logits are
committed, so that every machine can compare llama.cpp's with them.
"""

import importlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.checkpoints import LLAMA3_SCALING, VOCABULARY, YARN_SCALING, make_checkpoint

F32 = NDArray[np.float32]

FIXTURE = Path(__file__).with_name("logits.npz")
ORIGINAL_CONTEXT = 64
POSITIONS = (0, 1, 62, 63, 64, 100, 191)
"""Where logits are recorded: before, at and beyond the original context."""
TOKENS = [int(token) for token in np.random.default_rng(7).integers(0, VOCABULARY, 192)]


@dataclass(frozen=True, slots=True)
class Case:
    """A checkpoint whose logits are recorded."""

    architecture: str
    tied: bool
    config: Mapping[str, Any] = field(default_factory=dict)

    def make(self, directory: Path) -> Path:
        """The checkpoint; its weights are BF16, which F32 and BF16 files both hold exactly."""
        return make_checkpoint(
            directory,
            architecture=self.architecture,
            layers=2,
            hidden=128,
            feed_forward=192,
            heads=4,
            kv_heads=2,
            context=ORIGINAL_CONTEXT,
            tied=self.tied,
            seed=11,
            config=self.config,
        )


_YARN = {"rope_scaling": YARN_SCALING}
_LINEAR = {"rope_scaling": {"type": "linear", "factor": 4.0}}
_PARAMETERS = {
    "rope_theta": 10.0,
    "rope_parameters": {**YARN_SCALING, "rope_theta": 5000.0},
}
"""As Transformers 5 writes it, beside a base that an older version left."""
_LONG_HEADS = {"head_dim": 64}
CASES: dict[str, Case] = {
    "qwen2": Case("qwen2", tied=False),
    "qwen2-yarn": Case("qwen2", tied=False, config=_YARN),
    "qwen2-yarn-tied": Case(
        "qwen2",
        tied=True,
        config={"rope_scaling": {**YARN_SCALING, "beta_fast": 32, "beta_slow": 1}},
    ),
    "llama": Case("llama", tied=False),
    "llama-yarn": Case("llama", tied=False, config=_YARN),
    "llama-llama3": Case("llama", tied=False, config={"rope_scaling": LLAMA3_SCALING}),
    "llama-biases": Case("llama", tied=True, config={"attention_bias": True, "mlp_bias": True}),
    "llama-linear": Case("llama", tied=False, config=_LINEAR),
    "qwen2-linear": Case("qwen2", tied=False, config=_LINEAR),
    "qwen2-parameters": Case("qwen2", tied=False, config=_PARAMETERS),
    "qwen3": Case("qwen3", tied=True, config=_LONG_HEADS),
    "qwen3-yarn": Case("qwen3", tied=True, config={**_LONG_HEADS, **_YARN}),
}
"""A checkpoint with YaRN and the one without differ in nothing else."""


def transformers_logits(directory: Path) -> F32:
    """Logits of the checkpoint in F32 at ``POSITIONS``, as Transformers computes them."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager"
    )
    with torch.no_grad():
        logits = model(torch.tensor([TOKENS])).logits[0, list(POSITIONS)]
    found: F32 = logits.numpy()
    return found


def main() -> None:
    """Write the fixture."""
    with tempfile.TemporaryDirectory() as scratch:
        logits = {
            name: transformers_logits(case.make(Path(scratch) / name))
            for name, case in CASES.items()
        }
    np.savez_compressed(FIXTURE, allow_pickle=False, **logits)


if __name__ == "__main__":
    main()
