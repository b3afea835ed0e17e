"""Let a model think about our prompts: ``python -m localqwq.quality.thoughts_child``.

It samples as the model's makers recommend. Each finished conversation is a line of a file, so that
an interrupted run goes on after the last one.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.probing.probe_child import report_order
from localqwq.quality.loading import load_options
from localqwq.quality.thoughts import Thoughts
from localqwq.reasoning.messages import Message


def think(
    path: str, load: Mapping[str, Any], file: str, prompts: Sequence[str], count: int, tokens: int
) -> Iterator[dict[str, int]]:
    """Generate conversations until there are ``count`` or they have so many tokens.

    Yields how far it is: ``done`` conversations ``of`` so many, with ``tokens`` in total.

    Args:
        path: the model.
        load: its ``LoadOptions``.
        file: where the conversations are kept.
        prompts: what to think about; after the last one, the first one again, with another seed.
        count: number of conversations.
        tokens: tokens that are enough.

    Raises:
        LocalqwqError: the model cannot be loaded, or the file not be written.
    """
    kept = Thoughts(Path(file))
    done, total = len(kept.conversations[:count]), kept.total(count)
    yield {"done": done, "of": count, "tokens": total, "before": done}
    if done >= count or total >= tokens:
        return
    with Engine.load(Path(path), load_options(load)) as engine:
        for index in range(done, count):
            chat = _conversation(engine, prompts[index % len(prompts)], index)
            kept.add(chat)
            total += len(chat)
            yield {"done": index + 1, "of": count, "tokens": total, "before": done}
            if total >= tokens:
                return


def _conversation(engine: Engine, prompt: str, seed: int) -> list[int]:
    """Return the tokens of a prompt and the model's answer to it."""
    sampling = replace(engine.facts.sampling, seed=seed)
    message = Message(role="user", content=prompt)
    generation = engine.submit(
        engine.prepare(GenerationRequest(messages=[message], sampling=sampling))
    )
    while not generation.done:
        engine.step()
    if generation.error is not None:
        raise generation.error
    return list(generation.tokens)


if __name__ == "__main__":
    sys.exit(report_order(think))
