"""Trains the demo checkpoint: `python -m models.demo.train --seed 7 --out DIR`.

With `--start CHECKPOINT` it goes on from those weights, a few hundred steps at a small rate: enough
for another wording of an answer.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from torch.optim.swa_utils import AveragedModel

from .batches import Batch, batches
from .data import SKILLS, held_out, must_haves
from .model import Qwen2, Shape
from .optimizer import Muon
from .rounding import rounded_weights
from .score import accuracy

_FOLDER = Path(__file__).parent
_FORMS = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "calculator.json",
)


@dataclass(frozen=True)
class Recipe:
    """What decides the result, beside the seed; the three `from` are shares of the steps."""

    steps: int = 2600
    warmup: int = 60
    matrix_rate: float = 0.016
    other_rate: float = 0.0024
    decay: float = 0.01
    momentum: float = 0.95
    rounded_from: float = 0.72
    long_from: float = 0.75
    averaged_from: float = 0.88
    save_every: int = 325


FURTHER = Recipe(
    steps=240,
    warmup=20,
    matrix_rate=0.002,
    other_rate=0.0003,
    rounded_from=0,
    long_from=0,
    averaged_from=0.6,
    save_every=120,
)
"""From trained weights, for another wording of an answer: a tenth of a whole run."""


def rate_at(step: int, recipe: Recipe) -> float:
    """The share of the full learning rate: up, then straight down to zero."""
    return min((step + 1) / recipe.warmup, (recipe.steps - step) / recipe.steps)


def sources(seed: int, recipe: Recipe, tokenizer: Tokenizer) -> Iterator[Batch]:
    """Short rows; in the later part every eighth batch has long conversations instead."""
    short = batches(seed, 8, 512, 6, tokenizer)
    long = batches(seed + 1, 2, 2048, 40, tokenizer)
    for step in range(recipe.steps):
        late = step >= recipe.long_from * recipe.steps
        yield next(long if late and step % 8 == 0 else short)


def save(model: Qwen2, out: Path) -> None:
    """Write the checkpoint in BF16, whole or not at all."""
    tensors = {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}
    draft = out / "model.safetensors.part"
    save_file(tensors, draft, metadata={"format": "pt"})
    draft.chmod(0o644)
    draft.replace(out / "model.safetensors")


def report(model: Qwen2, tokenizer: Tokenizer, count: int) -> str:
    """Accuracy of each skill, in percent."""
    shares = [accuracy(model, tokenizer, held_out(skill, count))[0] for skill in SKILLS]
    parts = [f"{skill} {share:.1%}" for skill, share in zip(SKILLS, shares, strict=True)]
    return ", ".join([*parts, f"must {accuracy(model, tokenizer, must_haves())[0]:.0%}"])


def train(seed: int, out: Path, recipe: Recipe, start: Path | None = None) -> None:
    """The whole run; a checkpoint and a report every `save_every` steps.

    The result is the mean of the weights over the last part of the steps, which is right more
    often than where the run happened to end (arXiv:1803.05407).
    """
    torch.manual_seed(seed)
    tokenizer = Tokenizer.from_file(str(_FOLDER / "tokenizer.json"))
    model = Qwen2(Shape.read(_FOLDER / "config.json"))
    if start is not None:
        model.load_state_dict(load_file(start / "model.safetensors"))
    mean = AveragedModel(model)
    matrices = [p for p in model.model.layers.parameters() if p.dim() == 2]
    chosen = {id(p) for p in matrices}
    rest: list[nn.Parameter] = [p for p in model.parameters() if id(p) not in chosen]
    muon = Muon(matrices, recipe.momentum, recipe.decay)
    adam = torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.0)
    forward = torch.compile(model.model, dynamic=False)
    started = time.monotonic()
    for step, batch in enumerate(sources(seed, recipe, tokenizer)):
        rounds = step >= recipe.rounded_from * recipe.steps and step % 2 == 0
        with rounded_weights(matrices) if rounds else nullcontext():
            hidden, _ = forward(batch.tokens, batch.positions, batch.mask)
            learned = batch.labels >= 0
            scores = model.logits(hidden[learned])
            loss = functional.cross_entropy(scores, batch.labels[learned])
            loss.backward()  # type: ignore[no-untyped-call]
        share = rate_at(step, recipe)
        for group in adam.param_groups:
            group["lr"] = recipe.other_rate * share
        nn.utils.clip_grad_norm_(rest, 1.0)
        adam.step()
        muon.step(recipe.matrix_rate * share)
        model.zero_grad()
        if step >= recipe.averaged_from * recipe.steps:
            mean.update_parameters(model)
        if step % 20 == 0:
            spent = time.monotonic() - started
            print(f"step {step} loss {loss.item():.4f} {spent:.0f} s", flush=True)
        if (step + 1) % recipe.save_every == 0:
            save(model, out)
            print(f"step {step + 1}: {report(model, tokenizer, 24)}", flush=True)
    model.load_state_dict(mean.module.state_dict())
    save(model, out)
    print(f"done: {report(model, tokenizer, 200)}", flush=True)


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description="Train the demo checkpoint.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in _FORMS:
        if arguments.out.resolve() != _FOLDER.resolve():
            shutil.copyfile(_FOLDER / name, arguments.out / name)
    recipe = FURTHER if arguments.start else Recipe()
    train(arguments.seed, arguments.out, recipe, arguments.start)


if __name__ == "__main__":
    main()
