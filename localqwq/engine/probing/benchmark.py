"""Measure a model's speed on this machine: ``python -m localqwq.engine.probing.benchmark``.

A separate process, since memory may run out or a driver crash. It prefills a prompt in batches, as
the engine does, and then decodes token by token, without samplers and text, to measure the machine
itself. It prints one JSON document per run.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from pydantic import TypeAdapter

from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.library import binding
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.loading import load_model
from localqwq.engine.probing.probe_child import report_order
from localqwq.engine.rope import rope_scaling

_WARM_UP = 8
"""Tokens; the first ones cause additional work."""


def measure(
    path: str, load: Mapping[str, Any], *, prompt: int, generate: int, repeat: int
) -> Iterator[dict[str, float]]:
    """Load once, and yield ``prompt_tps`` and ``generate_tps`` in tokens per second for each run.

    ``load`` are the ``LoadOptions``; ``prompt`` and ``generate`` are numbers of tokens; the context
    is as long as both together.

    Raises:
        LocalqwqError: the model cannot be loaded.
    """
    options = TypeAdapter(LoadOptions).validate_python(load)
    model = load_model(Path(path), options)
    size = prompt + generate
    context = Context(
        model,
        size=size,
        rope=rope_scaling(model.facts, size),
        threads=options.threads or 1,
        kv_type=options.kv_type,
        flash=options.flash,
    )
    _decode(context, 0, _WARM_UP, at_once=True)
    _decode(context, _WARM_UP, _WARM_UP, at_once=False)
    for _ in range(repeat):
        context.cut(0, 0)
        yield {
            "prompt_tps": prompt / _decode(context, 0, prompt, at_once=True),
            "generate_tps": generate / _decode(context, prompt, generate, at_once=False),
        }
    context.close()
    model.close()


def _decode(context: Context, start: int, count: int, *, at_once: bool) -> float:
    """Return the seconds to decode ``count`` tokens, in batches or one by one."""
    step = context.batch if at_once else 1
    began = perf_counter()
    for position in range(start, start + count, step):
        tokens = range(position, min(position + step, start + count))
        # Any tokens do; the smallest vocabularies have a few hundred.
        context.decode([Part(0, position, [token % 200 for token in tokens], 1)])
    binding().llama_synchronize(context.handle)
    return perf_counter() - began


if __name__ == "__main__":
    sys.exit(report_order(measure))
