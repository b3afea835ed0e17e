"""How a model is planned to be measured on this machine."""

from dataclasses import replace

from localqwq.gguf.facts import read_facts
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.spec import ResolvedModel
from localqwq.quality.chunks import CHUNK

_THOUGHT = 4096
"""Tokens of the longest conversation that a model has with itself."""
_MARGIN = 512 << 20
"""Bytes to leave free beside the logits."""


def measuring_launch(
    resolved: ResolvedModel, options: LaunchOptions | None = None, parallel: int = 1
) -> Launch:
    """Return how to load a model to measure it: for chunks side by side, with all logits.

    Attention is always computed the same way, so that figures of two machines can be compared.

    Raises:
        LocalqwqError: it does not fit.
    """
    logits = 4 * read_facts(resolved.path).vocabulary * CHUNK * parallel
    # Of those, llama.cpp keeps one copy on a device and one in main memory.
    usual = LaunchOptions(batch=CHUNK, flash="on", reserve=2 * logits + _MARGIN)
    wanted = replace((options or LaunchOptions()).over(usual), context=CHUNK * parallel, parallel=1)
    return _launched(resolved, wanted)


def thinking_launch(resolved: ResolvedModel, options: LaunchOptions | None = None) -> Launch:
    """Return how to load a model that thinks about our prompts, one after the other.

    Raises:
        LocalqwqError: it does not fit.
    """
    longest = min(_THOUGHT, read_facts(resolved.path).longest_context)
    wanted = replace(options or LaunchOptions(), context=longest, parallel=1)
    return _launched(resolved, wanted)


def _launched(resolved: ResolvedModel, options: LaunchOptions) -> Launch:
    chosen = replace(resolved, any_quant=False)
    return launch(chosen, options, keep_states=False, needs_context=True)
