"""Why tests of llama-server do not pass here, by design or for want of its model."""

import re
from typing import NamedTuple

_OWN = "llama-server's own endpoint"
WHOLE_FILES = {
    "test_compat_anthropic.py": "Anthropic's API, which is not served",
    "test_compat_gcp.py": "Google's prediction API, which is not served",
    "test_compat_oai_responses.py": "OpenAI's responses API, which is not served",
    "test_embedding.py": "embeddings, which are not served",
    "test_infill.py": f"`/infill`: {_OWN}",
    "test_kv_keep_only_active.py": f"`/completion` and slots: {_OWN}",
    "test_lora.py": f"`/lora-adapters`: {_OWN}",
    "test_mcp_servers.py": f"`/tools`: {_OWN}",
    "test_proxy.py": f"`/cors-proxy`: {_OWN}",
    "test_rerank.py": "reranking, which is not served",
    "test_router.py": "several models behind one server: one model is served",
    "test_sleep.py": "unloading while idle, which is not there",
    "test_slot_save.py": f"slots that are saved by requests: {_OWN}",
    "test_speculative.py": "drafts by a second model, which are not there",
    "test_tools_builtin.py": f"`/tools`: {_OWN}",
    "test_vision_api.py": "images, which are not read",
}
"""Files that are about something else altogether."""


class Reason(NamedTuple):
    """What a known failure looks like."""

    name: str
    """A pattern of the test's name, from its beginning."""
    said: str
    """A pattern of its error."""
    why: str


_ENDPOINTS = (
    "/completion",
    "/slots",
    "/apply-template",
    "/chat/completions/input_tokens",
    "/v1/embeddings",
    "/cors-proxy",
    "/v1/stream",
)
_ABSENT = re.compile(r"404|KeyError|There is no /|StopIteration|exceeds the available")
_STORIES = "checks words or token counts of a model that cannot be had here"
_VERBOSE = "the prompt within the response, of llama-server's `--verbose`"
_ORIGINS = "pages are let in one by one (`--allow-origin` with the scheme), and none by default"
_FIRST = "the role comes together with the first text, not in a chunk before it"
_KEY = "a wrong key has OpenAI's type and code"
_COMPLETIONS = "`/completions` is OpenAI's here, as under `/v1`"
_REASONS = (
    Reason(r"test_basic.py::test_no_ui", "404 == 200", "there is no web page"),
    Reason(r"test_basic.py::test_server_model_aliases", "'aliases'", "one name, and no tags"),
    Reason(r"test_basic.py::test_server_multiple_addr", "process died", "one address"),
    Reason(
        r"test_basic.py::test_server_props", r"512 == \(512", "requests share the whole context"
    ),
    Reason(r"test_basic.py::test_load_split_model", "404", "`/completion`: " + _OWN),
    Reason(r".*", "__verbose", _VERBOSE),
    Reason(r"test_chat_completion.py::test_chat_completion(\[|_cached)", r"\d == \d", _STORIES),
    Reason(r"test_chat_completion.py::test_chat_completion_stream", "assert 'This is", _FIRST),
    Reason(r"test_chat_completion.py::test_chat_completion_with_tim", "' is None$", _FIRST),
    Reason(r"test_chat_completion.py::test_logprobs_stream", "' is None$", _FIRST),
    Reason(r".*with_openai_library", "assert False|Unexpected output", _STORIES),
    Reason(r".*with_response_format\[response_format2", "assert False", _STORIES),
    Reason(
        r".*test_context_size_exceeded",
        "exceed_context_size_error",
        "OpenAI's code `context_length_exceeded` tells it",
    ),
    Reason(
        r".*test_invalid_chat_completion_req\[messages7",
        "200 == 400",
        "two assistant's messages at the end are a conversation like any other",
    ),
    Reason(
        r".*test_return_progress",
        r"\d == \d",
        "progress of the same 20 ms is told once, at its end",
    ),
    Reason(r"test_completion.py::test_cancel_request", "process died|404", "`/slots`: " + _OWN),
    Reason(r"test_ctx_shift.py::test_ctx_shift_disabled_stream", "'stop' is None", _STORIES),
    Reason(r"test_metrics.py::test_metrics_disabled", "200 == 501", "`/metrics` is always there"),
    Reason(r".*test_metrics_prometheus_format", "Process-Start-Time", "other metrics and headers"),
    Reason(r".*test_access_static_assets", "401", "there is no web page"),
    Reason(r".*test_correct_api_key", "'content' in", _COMPLETIONS),
    Reason(r".*test_cors_", "4(00|03|05) == 200", _ORIGINS),
    Reason(r".*test_incorrect_api_key", "authentication_error", _KEY),
    Reason(r".*test_local_media_file", "400 == 200", "images, which are not read"),
    Reason(r"test_stream.py::", "StopIteration", "streams that are resumed by other requests"),
    Reason(r".*test_tokenize_with_bos", r"\d == \d", _STORIES),
    Reason(r"test_tool_call.py::", "does not exist", "the template is not in the source"),
    Reason(r"test_tool_call.py::test_(calc|hello|thoughts|weather)", "Expected", _STORIES),
    Reason(
        r"test_template.py::test_date_inside_prompt\[fireworks",
        "process died",
        "the template reads other variables than `tools`, and is refused",
    ),
)


def reason_for(name: str, said: str, details: str) -> str | None:
    """Why a test fails that is known to, or ``None``.

    ``name``: ``file.py::test[parameters]``; ``said``: its error; ``details``: with the traceback.
    """
    for reason in _REASONS:
        if re.match(reason.name, name) and re.search(reason.said, said):
            return reason.why
    if _ABSENT.search(said):
        for path in _ENDPOINTS:
            if f'"{path}' in details:
                return f"`{path}`: {_OWN}"
    return None
