"""What a model would be as a GGUF, computed from its configuration alone."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.packs.catalogue import Entry


def prospect(config: Path | Mapping[str, Any]) -> Callable[[str], ModelFacts]:
    """Return a function from a quantization to the facts of the model's GGUF.

    ``config`` is a ``config.json`` or its content.

    Raises:
        LocalqwqError: no such file or quantization, or the model cannot be converted.
    """
    from localqwq_convert.prospect import Prospect

    if isinstance(config, Path):
        return Prospect.read(config).facts
    return Prospect(config, Path("config.json")).facts


def prospects(entry: Entry) -> Iterator[ModelFacts]:
    """Yield the facts of each quantization of a catalogue model that can be planned."""
    config = json.dumps(entry.config)
    for quant in entry.quants:
        try:
            facts = _facts(config, quant)
        except LocalqwqError:  # a quantization type that localqwq does not make
            continue
        yield replace(facts, name=entry.title)


@cache
def _facts(config: str, quant: str) -> ModelFacts:
    """Return the facts of a quantization; cached, because every tensor is considered."""
    return _prospect(config)(quant)


@cache
def _prospect(config: str) -> Callable[[str], ModelFacts]:
    return prospect(json.loads(config))
