"""Greedy or sampled answers of the torch model on held-out examples, in batches."""

from __future__ import annotations

import json
import re

import torch
from tokenizers import Tokenizer

from .example import Example
from .model import Qwen2
from .render import prompt_text

_LIMIT = 160
_CALL = re.compile(r"<tool_call>\n(.*)\n</tool_call>$", re.DOTALL)


@torch.no_grad()
def replies(
    model: Qwen2, tokenizer: Tokenizer, prompts: list[str], temperature: float = 0.0
) -> list[str]:
    """What the model writes after each prompt, up to the end of its turn."""
    encoded = [tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in prompts]
    width = max(map(len, encoded))
    end = tokenizer.token_to_id("<|im_end|>")
    tokens = torch.tensor([[end] * (width - len(ids)) + ids for ids in encoded])
    pad = torch.tensor([width - len(ids) for ids in encoded])
    steps = torch.arange(width + _LIMIT)
    real = steps[None] >= pad[:, None]
    positions = (steps[None] - pad[:, None]).clamp(min=0)
    # Padding sees itself, so that no row of the softmax is empty.
    causal = steps[None, :width, None] >= steps[None, None, :width]
    mask = causal & (real[:, None, :width] | (steps[:width, None] == steps[None, :width])[None])
    hidden, past = model.model(tokens, positions[:, :width], mask[:, None])
    written: list[list[int]] = [[] for _ in prompts]
    running = [True] * len(prompts)
    for step in range(width, width + _LIMIT):
        scores = model.logits(hidden[:, -1])
        chosen = _pick(scores, temperature)
        for row, token in enumerate(chosen.tolist()):
            running[row] = running[row] and token != end
            if running[row]:
                written[row].append(token)
        if not any(running):
            break
        seen = real[:, None, None, : step + 1]
        hidden, past = model.model(chosen[:, None], positions[:, step : step + 1], seen, past)
    return [tokenizer.decode(ids, skip_special_tokens=False) for ids in written]


def _pick(scores: torch.Tensor, temperature: float) -> torch.Tensor:
    if temperature == 0:
        return scores.argmax(-1)
    chances = (scores / temperature).softmax(-1)
    ordered, indices = chances.sort(-1, descending=True)
    kept = ordered * (ordered.cumsum(-1) - ordered < 0.95)
    return indices.gather(-1, torch.multinomial(kept, 1))[:, 0]


def is_right(example: Example, reply: str) -> bool:
    """Whether a whole reply, thought included, is right for an example."""
    _, closed, answer = reply.partition("</think>")
    if not closed:
        return False
    call = _CALL.search(answer.strip())
    if call is None:
        return example.is_right(answer)
    try:
        arguments = json.loads(call[1])["arguments"]
        return example.is_right("", str(arguments["expression"]))
    except (ValueError, KeyError, TypeError):
        return False


def accuracy(
    model: Qwen2, tokenizer: Tokenizer, examples: list[Example], temperature: float = 0.0
) -> tuple[float, list[tuple[str, str]]]:
    """The share of right replies, and prompt and reply of the wrong ones."""
    wrong = []
    for start in range(0, len(examples), 50):
        part = examples[start : start + 50]
        prompts = [prompt_text(example.messages, example.tools) for example in part]
        written = replies(model, tokenizer, prompts, temperature)
        for example, prompt, reply in zip(part, prompts, written, strict=True):
            if not is_right(example, reply):
                wrong.append((prompt, reply))
    return 1 - len(wrong) / len(examples), wrong
