"""Token counts and timings of a generation in responses."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from localqwq.reasoning.events import Finish, Usage

Json = dict[str, Any]


def account(finish: Finish) -> Json:
    """Return token counts, durations, and the sampling parameters used."""
    return {"usage": usage(finish.usage), **course(finish)}


def course(finish: Finish) -> Json:
    """Return the durations of a generation, and the sampling parameters used.

    They are the response's where it has a single choice, and each choice's where it has several.
    """
    return {
        "timings": asdict(finish.timings) | _as_llama_server(finish),
        "sampling": finish.sampling,
    }


def _as_llama_server(finish: Finish) -> Json:
    """Return counts and rates under the names of llama-server, for programs made for it."""
    counts, timings = finish.usage, finish.timings
    return {
        "cache_n": counts.cached_tokens,
        "prompt_n": counts.prompt_tokens - counts.cached_tokens,
        "prompt_per_second": timings.prompt_tps,
        "predicted_n": counts.completion_tokens,
        "predicted_per_second": timings.generate_tps,
    }


def prompt_seconds(finish: Finish) -> float:
    """Return how long the prompt was processed, without what was found in the KV cache."""
    read = finish.usage.prompt_tokens - finish.usage.cached_tokens
    return read / finish.timings.prompt_tps if finish.timings.prompt_tps > 0 else 0.0


def generation_seconds(finish: Finish) -> float:
    """Return how long tokens were generated, from the first to the last one."""
    # The rate excludes the first token, which comes with the prompt.
    following = finish.usage.completion_tokens - 1
    return following / finish.timings.generate_tps if finish.timings.generate_tps > 0 else 0.0


def usage(counts: Usage) -> Json:
    """Return token counts in OpenAI's form."""
    return {
        "prompt_tokens": counts.prompt_tokens,
        "completion_tokens": counts.completion_tokens,
        "total_tokens": counts.total_tokens,
        "prompt_tokens_details": {"cached_tokens": counts.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
    }


def account_of(finishes: Sequence[Finish], choices: int = 1) -> Json:
    """Return the totals of several generations, ``choices`` of them for each prompt.

    Durations and sampling are included only for a single one; see :func:`course`.
    """
    if len(finishes) == 1:
        return account(finishes[0])
    return {"usage": usage(_summed([finish.usage for finish in finishes], choices))}


def _summed(counts: Sequence[Usage], choices: int) -> Usage:
    """Return the summed counts; a prompt counts once, however many choices it has."""
    first = counts[::choices]
    return Usage(
        prompt_tokens=sum(one.prompt_tokens for one in first),
        cached_tokens=sum(one.cached_tokens for one in first),
        reasoning_tokens=sum(one.reasoning_tokens for one in counts),
        completion_tokens=sum(one.completion_tokens for one in counts),
    )


def finish_reason(finish: Finish) -> str:
    """Return OpenAI's finish reason; a loop has none there, and counts as an incomplete answer."""
    return "length" if finish.reason == "loop" else finish.reason


def finish_details(finish: Finish) -> Json:
    """Return how the thought ended, the finish reason if OpenAI has no word for it, and the stop
    string that ended the answer, if one did.
    """
    more: Json = {"reason": finish.reason} if finish.reason == "loop" else {}
    if finish.stop is not None:
        more["stop"] = finish.stop
    return {"finish_details": {"thought": finish.thought} | more}
