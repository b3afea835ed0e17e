"""The order in which a plan gives things up when memory is short: one table to read and change."""

from dataclasses import dataclass

from localqwq.planning.memory import KvType

USUAL_CONTEXT = 32_768
"""Default context in tokens: QwQ's trained length, enough for long thoughts."""
SHORTEST_COMFORTABLE = 8_192
"""Tokens; with less, long thoughts are cut off, which is worse than slow ones."""
SHORTEST_CONTEXT = 2_048
"""Tokens; less is useless for a model that thinks."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way to plan. In its texts, ``{context}`` and ``{wished}`` are tokens, ``{kv}`` is the
    type of the KV cache, and ``{place}`` says where the layers are.
    """

    whole: bool
    """Whether every layer must be on devices (on the processor, if there is no device)."""
    kv_type: KvType
    shortest: int | None
    """Tokens down to which the context may shrink; ``None`` keeps it."""
    given_up: str = ""
    gained: str = ""


STEPS = (
    Step(whole=True, kv_type="f16", shortest=None),
    Step(
        whole=True,
        kv_type="q8_0",
        shortest=None,
        given_up="the KV cache is in {kv} instead of F16",
        gained="which makes room for all of the {wished:,} tokens of context",
    ),
    Step(
        whole=True,
        kv_type="q8_0",
        shortest=SHORTEST_COMFORTABLE,
        given_up="the context is {context:,} instead of {wished:,} tokens and the KV cache in {kv}",
        gained="so that all of it is {place}",
    ),
    Step(
        whole=False,
        kv_type="q8_0",
        shortest=None,
        given_up="that is slower",
        gained="but leaves room for all {wished:,} tokens of context, with the KV cache in {kv}",
    ),
    Step(
        whole=False,
        kv_type="q8_0",
        shortest=SHORTEST_CONTEXT,
        given_up="memory is short for {wished:,} tokens of context",
        gained="so there are {context:,}, with the KV cache in {kv}",
    ),
)
"""The first step that fits is taken. If none does, the steps are tried with a smaller
quantization.
"""
