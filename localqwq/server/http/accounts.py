"""What a generation cost, as the responses tell it."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from localqwq.reasoning.events import Finish, Usage

Json = dict[str, Any]


def account(finish: Finish) -> Json:
    """Token counts, durations, and what was sampled with."""
    return {
        "usage": usage(finish.usage),
        "timings": asdict(finish.timings),
        "sampling": finish.sampling,
    }


def usage(counts: Usage) -> Json:
    """Token counts in OpenAI's form."""
    return {
        "prompt_tokens": counts.prompt_tokens,
        "completion_tokens": counts.completion_tokens,
        "total_tokens": counts.total_tokens,
        "prompt_tokens_details": {"cached_tokens": counts.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
    }


def summed(counts: Iterable[Usage]) -> Usage:
    """The counts of several generations together."""
    total = Usage()
    for one in counts:
        total = Usage(
            prompt_tokens=total.prompt_tokens + one.prompt_tokens,
            cached_tokens=total.cached_tokens + one.cached_tokens,
            reasoning_tokens=total.reasoning_tokens + one.reasoning_tokens,
            completion_tokens=total.completion_tokens + one.completion_tokens,
        )
    return total
