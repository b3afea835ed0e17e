"""Request fields of other servers that this one lacks: harmless, rejected, unknown."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from localqwq.server.http.errors import InvalidRequestError

HARMLESS = frozenset(
    {
        "cache_salt",
        "id_slot",
        "include",
        "keep_alive",
        "metadata",
        "model",
        "models",
        "moderation",
        "n_discard",
        "n_indent",
        "n_keep",
        "prediction",
        "preserved_tokens",
        "priority",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "provider",
        "request_id",
        "response_fields",
        "route",
        "safety_identifier",
        "service_tier",
        "store",
        "timings_per_token",
        "transforms",
        "usage",
        "user",
    }
)
"""Fields that do not change the answers of this server."""


class Refusal(NamedTuple):
    """A field that would change the result."""

    neutral: tuple[Any, ...]
    """Values that request nothing, and are accepted."""
    instead: str
    """What to use instead, as the end of a sentence."""


_NO_SAMPLER = "use temperature, top_p, min_p or xtc_probability"
_CONTINUE = "use continue_final_message"
REFUSED: Mapping[str, Refusal] = {
    "add_generation_prompt": Refusal((True,), _CONTINUE),
    "adaptive_target": Refusal((-1,), _NO_SAMPLER),
    "allowed_token_ids": Refusal(([],), "use grammar or logit_bias"),
    "audio": Refusal((), "this server writes text only"),
    "bad_words": Refusal(([],), "use logit_bias with false"),
    "banned_tokens": Refusal(([],), "use logit_bias with false"),
    "chat_template": Refusal(("",), "start the server with --chat-template"),
    "documents": Refusal(([],), "put them into messages"),
    "dynatemp_exponent": Refusal((1,), _NO_SAMPLER),
    "dynatemp_range": Refusal((0,), _NO_SAMPLER),
    "format": Refusal(("",), "use response_format"),
    "function_call": Refusal(("none", "auto"), "use tool_choice"),
    "functions": Refusal(([],), "use tools"),
    "grammar_lazy": Refusal((False,), "use tools"),
    "grammar_triggers": Refusal(([],), "use tools"),
    "input": Refusal((), "use messages or prompt"),
    "length_penalty": Refusal((1,), "use max_tokens"),
    "logits_processors": Refusal(([],), "use logit_bias"),
    "lora": Refusal(([],), "merge adapters into a model with `localqwq convert --merge`"),
    "min_tokens": Refusal((0,), "use ignore_eos with max_tokens"),
    "mirostat": Refusal((0,), _NO_SAMPLER),
    "mirostat_mode": Refusal((0,), _NO_SAMPLER),
    "modalities": Refusal((["text"],), "this server writes text only"),
    "options": Refusal(({},), "put its fields beside messages, under their names here"),
    "plugins": Refusal(([],), "use tools"),
    "post_sampling_probs": Refusal((False,), "logprobs are the model's own, before any sampling"),
    "prompt_logprobs": Refusal((0,), "use echo and logprobs of /v1/completions"),
    "stop_token_ids": Refusal(([],), "use stop"),
    "t_max_predict_ms": Refusal((0, -1), "use max_tokens"),
    "top_n_sigma": Refusal((-1, 0), _NO_SAMPLER),
    "truncate_prompt_tokens": Refusal((), "shorten the prompt"),
    "use_beam_search": Refusal((False,), "use n"),
    "web_search_options": Refusal((), "use tools"),
}
"""Rejected fields, unless they are null or request nothing."""


def unknown_fields(given: Mapping[str, Any], *, continues: bool = False) -> Collection[str]:
    """Return which of these fields are unknown; they are ignored and reported.

    ``continues``: the final message is continued, so no new turn begins.

    Raises:
        InvalidRequestError: one of them would change the result.
    """
    if continues and given.get("add_generation_prompt"):
        raise InvalidRequestError(
            "The final message cannot be continued and a new turn begun as well: leave out "
            "add_generation_prompt or continue_final_message.",
            "add_generation_prompt",
        )
    for name, value in given.items():
        refusal = REFUSED.get(name)
        if refusal is None or value is None or _is_one_of(value, refusal.neutral):
            continue
        if not (name == "add_generation_prompt" and continues):
            raise InvalidRequestError(
                f"The field {name!r} is not supported: {refusal.instead}.", name
            )
    return sorted(given.keys() - HARMLESS - REFUSED.keys())


def _is_one_of(value: Any, neutral: tuple[Any, ...]) -> bool:
    """Return whether the value is among them; numbers are not Booleans."""
    return any(isinstance(value, bool) is isinstance(one, bool) and value == one for one in neutral)
