"""Models as Ollama describes them; pure, apart from the time of the file."""

import hashlib
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from localqwq.gguf.facts import ModelFacts
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.tags import Tag
from localqwq.reasoning.template_traits import TemplateTraits
from localqwq.server.pool.held import HeldModel

Json = dict[str, Any]

API_VERSION = "0.14.0"
"""The version of Ollama whose API this is: programs ask for the one that they need."""
_NEVER = "2200-01-01T00:00:00Z"
"""When a model expires that stays as long as the server: Ollama's programs say "forever"."""


def listed(facts: ModelFacts, name: str) -> Json:
    """Return the model's entry in ``GET /api/tags``."""
    return _named(facts, name) | {"modified_at": _modified(facts), "details": _details(facts)}


def running(facts: ModelFacts, held: HeldModel, now: float) -> Json:
    """Return the entry of a model in memory in ``GET /api/ps``.

    Fields beyond Ollama's: ``bytes`` in memory, ``state``, ``idle_s`` and ``requests``. ``now``:
    seconds since the epoch.
    """
    launch = held.launch
    plan = None if launch is None else launch.plan
    expires = _NEVER if math.isinf(held.idle) else _time(now + held.idle - held.idle_s)
    return _named(facts, held.name) | {
        "details": _details(facts),
        "expires_at": expires,
        "context_length": held.context,
        "size_vram": 0 if plan is None else sum(load.used for load in plan.devices),
        "bytes": held.size,
        "state": held.state,
        "idle_s": round(held.idle_s, 1),
        "requests": held.running,
    }


def shown(
    facts: ModelFacts, name: str, sampling: Sampling, longest: int, traits: TemplateTraits
) -> Json:
    """Return the body of ``POST /api/show``; ``longest``: tokens that its context may have."""
    prefix = facts.architecture
    return {
        "modelfile": f"FROM {name}\n",
        "parameters": _parameters(sampling),
        "template": facts.chat_template or "",
        "details": _details(facts),
        "model_info": {
            "general.architecture": prefix,
            "general.basename": facts.name,
            "general.parameter_count": facts.parameters,
            f"{prefix}.attention.head_count": facts.heads,
            f"{prefix}.attention.head_count_kv": facts.kv_heads,
            f"{prefix}.block_count": facts.layers,
            f"{prefix}.context_length": longest,
            f"{prefix}.embedding_length": facts.embedding,
            f"{prefix}.feed_forward_length": facts.feed_forward,
            f"{prefix}.vocab_size": facts.vocabulary,
        },
        "capabilities": _capabilities(facts, traits),
        "modified_at": _modified(facts),
    }


def _parameters(sampling: Sampling) -> str:
    numbers = {
        name: value for name, value in sampling.as_dict().items() if isinstance(value, int | float)
    }
    return "\n".join(f"{name} {value}" for name, value in numbers.items())


def _capabilities(facts: ModelFacts, traits: TemplateTraits) -> list[str]:
    """Return what the model can do; tools work with every template."""
    if facts.pooling is not None:
        return ["embedding"]
    template = facts.chat_template or ""
    thinks = traits.switch is not None or Tag.THINK_CLOSE.value in template
    return ["completion", "tools", *(["thinking"] if thinks else [])]


def _named(facts: ModelFacts, name: str) -> Json:
    return {"name": name, "model": name, "size": facts.bytes, "digest": _digest(facts)}


def _digest(facts: ModelFacts) -> str:
    """Return 64 digits that change with the file; the file itself is not read for them."""
    known = (facts.path.name, facts.bytes, facts.parameters, facts.quant, _modified(facts))
    return hashlib.sha256(repr(known).encode()).hexdigest()


def _modified(facts: ModelFacts) -> str:
    seconds = 0.0
    with suppress(OSError):
        seconds = facts.path.stat().st_mtime
    return _time(seconds)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _details(facts: ModelFacts) -> Json:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": facts.architecture,
        "families": [facts.architecture],
        "parameter_size": _count(facts.parameters),
        "quantization_level": facts.quant,
    }


def _count(parameters: int) -> str:
    if parameters >= 10**9:
        return f"{parameters / 1e9:.1f}B"
    return f"{parameters / 1e6:.2f}M"
