"""What a plan gives up first, and what last, when memory is short: one table to read and change."""

from dataclasses import dataclass

from localqwq.planning.memory import KvType

USUAL_CONTEXT = 32_768
"""Tokens, unless asked for otherwise: what QwQ was trained with, room for long thoughts."""
SHORTEST_COMFORTABLE = 8_192
"""Tokens; with less, long thoughts are cut off, which is worse than slow ones."""
SHORTEST_CONTEXT = 2_048
"""Tokens; less is no use to a model that thinks."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way to go about it. In its texts, ``{context}`` and ``{wished}`` are tokens, ``{kv}`` is
    the type of the KV cache, and ``{place}`` says where the layers are."""

    whole: bool
    """Every layer is on devices; where there is no device, every layer is on the processor."""
    kv_type: KvType
    shortest: int | None
    """Tokens down to which the context may shrink; ``None`` keeps it as wished."""
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
        gained="with which all of it is {place}",
    ),
    Step(
        whole=False,
        kv_type="q8_0",
        shortest=None,
        given_up="that is slower",
        gained="but the context has all of its {wished:,} tokens, with the KV cache in {kv}",
    ),
    Step(
        whole=False,
        kv_type="q8_0",
        shortest=SHORTEST_CONTEXT,
        given_up="memory is short for {wished:,} tokens of context",
        gained="so there are {context:,}, with the KV cache in {kv}",
    ),
)
"""The first that fits is taken. When none does, the same goes for a smaller quantization."""
