"""Figures as ``quality``, ``eval`` and ``bench`` write them into a pack's manifest."""

from typing import Any

from localqwq.packs.figures import Evaluation, Figures, Quality, Speed

_ABOUT = {
    "date": "2026-11-30",
    "version": "localqwq 0.1.0, llama-cpp-python 0.3.36",
    "machine": "a processor, 2 cores",
}


def quality(quant: str = "Q8_0", **changes: Any) -> Quality:
    """The figures of one quantization on a text."""
    values = {
        **_ABOUT,
        "quant": quant,
        "command": "localqwq quality tiny --text sums.txt",
        "suite": "sums.txt",
        "tokens": 765,
        "perplexity": 35.9,
        "perplexity_error": 6.9,
        "reference": "tiny:BF16",
        "kld_mean": 0.0552,
        "kld_mean_error": 0.007,
        "top1": 0.9386,
        "top1_error": 0.0087,
    }
    return Quality.model_validate(values | changes)


def evaluation(quant: str = "Q8_0", **changes: Any) -> Evaluation:
    """The figures of one quantization in a suite."""
    values = {
        **_ABOUT,
        "quant": quant,
        "command": f"localqwq eval aime24 tiny:{quant} --samples 4 --limit 30 --seed 1",
        "suite": "aime24",
        "problems": 30,
        "answers": 120,
        "accuracy": 0.75,
        "low": 0.6,
        "high": 0.86,
        "thought_median": 5000.0,
        "thought_most": 20000.0,
        "temperature": 0.6,
        "top_p": 0.95,
        "top_k": 40,
        "max_tokens": 32768,
        "seed": 1,
    }
    return Evaluation.model_validate(values | changes)


def speed(quant: str = "Q8_0", **changes: Any) -> Speed:
    """The speed of one quantization."""
    values = {
        **_ABOUT,
        "quant": quant,
        "command": f"localqwq bench tiny:{quant}",
        "prompt_tokens": 512,
        "prompt_tps": 100.0,
        "generate_tokens": 128,
        "generate_tps": 12.5,
        "placement": "2 threads, plain attention",
    }
    return Speed.model_validate(values | changes)


def figures(*quants: str) -> Figures:
    """All figures of some quantizations."""
    return Figures(
        quality=[quality(one) for one in quants],
        evaluations=[evaluation(one) for one in quants],
        speeds=[speed(one) for one in quants],
    )
