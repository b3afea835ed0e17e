"""From Ollama's requests to those of this server that ask for the same; pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import SamplingFields, first_problem
from localqwq.server.http.inner_request import chat_request
from localqwq.server.http.ollama.schema import (
    Json,
    OllamaCall,
    OllamaChat,
    OllamaFields,
    OllamaGenerate,
    OllamaMessage,
    OllamaOptions,
)
from localqwq.server.http.other_fields import unknown_fields
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.text_schema import TextRequest

_LOADING = frozenset(
    {
        "embedding_only",
        "f16_kv",
        "logits_all",
        "low_vram",
        "main_gpu",
        "num_batch",
        "num_gpu",
        "num_keep",
        "num_thread",
        "numa",
        "use_mlock",
        "use_mmap",
        "vocab_only",
    }
)
"""Options that say how a model is loaded, or that do not change the answers of this server."""
_HARMLESS = frozenset({"shift", "truncate"})
"""Fields that do not change the answers of this server: nothing is ever cut off."""


def to_chat(request: OllamaChat | OllamaGenerate) -> ChatRequest:
    """Return the chat completion request; raises ``InvalidRequestError`` if there is none."""
    if isinstance(request, OllamaGenerate):
        messages = list(_prompt(request))
        tools = None
    else:
        messages = list(_messages(request.messages or ()))
        tools = request.tools
    return chat_request(
        _shared(request)
        | {
            "messages": messages,
            "think": request.think,
            "tools": [{"type": "function"} | tool for tool in tools or ()] or None,
            "logprobs": request.logprobs,
            "top_logprobs": request.top_logprobs,
        }
    )


def to_text(request: OllamaGenerate) -> TextRequest:
    """Return the text completion request of a raw prompt; raises ``InvalidRequestError``."""
    fields = _shared(request) | {"prompt": request.prompt}
    fields["max_tokens"] = fields["max_tokens"] or -1
    if request.logprobs:
        fields["logprobs"] = request.top_logprobs or 0
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return TextRequest.model_validate(given)
    except ValidationError as error:
        param, message = first_problem(error)
    raise InvalidRequestError(message, param)


def unknown(request: OllamaFields) -> Collection[str]:
    """Return which fields and options are unknown; they are ignored and reported.

    Raises ``InvalidRequestError`` if an option would change the answer.
    """
    fields = (request.model_extra or {}).keys() - _HARMLESS
    extra: Mapping[str, Any] = (request.options and request.options.model_extra) or {}
    options = unknown_fields({name: extra[name] for name in extra if name not in _LOADING})
    return sorted([*fields, *(f"options.{name}" for name in options)])


def check_context(options: OllamaOptions | None, longest: int) -> None:
    """Raise ``InvalidRequestError`` if the context cannot grow to what is wanted, in tokens."""
    wanted = options and options.num_ctx
    if wanted and wanted > longest:
        raise InvalidRequestError(
            f"The option 'num_ctx' is {wanted:,}, but the context of this server has at most "
            f"{longest:,} tokens: leave the option out, or start the server with a longer "
            f"context, such as --ctx {wanted}, if the model and the memory allow it.",
            "options.num_ctx",
            tokens=(wanted, longest),
        )


def _shared(request: OllamaFields) -> Json:
    options = request.options or OllamaOptions()
    sampling = {name: getattr(options, name) for name in SamplingFields.model_fields}
    return sampling | {
        "max_tokens": options.limit,
        "stop": options.stop or None,
        "response_format": _form(request.format),
    }


def _form(form: Any) -> Json | None:
    if not form:
        return None
    if form == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"schema": form}}


def _prompt(request: OllamaGenerate) -> Iterator[Json]:
    if request.system:
        yield {"role": "system", "content": request.system}
    yield {"role": "user", "content": request.prompt or ""}


def _messages(messages: Sequence[OllamaMessage]) -> Iterator[Json]:
    """Return the messages; a result without an id belongs to a call before it."""
    open_calls: list[tuple[str, str]] = []  # ids and names of calls without a result
    for index, message in enumerate(messages):
        if message.images:
            place = f"messages.{index}.images"
            raise InvalidRequestError(
                f"The field {place!r} is invalid: this model reads text, and no images.", place
            )
        told: Json = {"role": message.role, "content": message.content}
        if message.role == "assistant":
            calls = [
                (call.id or f"call_{index}_{place}", call)
                for place, call in enumerate(message.tool_calls or ())
            ]
            open_calls = [(id_, call.function.name) for id_, call in calls]
            told |= {"reasoning_content": message.thinking} if message.thinking else {}
            told |= {"tool_calls": [_call(*one) for one in calls]} if calls else {}
        elif message.role == "tool":
            id_ = message.tool_call_id or _answered(open_calls, message.tool_name)
            open_calls = [one for one in open_calls if one[0] != id_]
            told["tool_call_id"] = id_
        yield told


def _answered(open_calls: Sequence[tuple[str, str]], name: str | None) -> str:
    """Return the id of the first open call of this tool, or else of the first open one."""
    ids = [id_ for id_, called in open_calls if called == name] or [id_ for id_, _ in open_calls]
    return ids[0] if ids else name or ""


def _call(id_: str, call: OllamaCall) -> Json:
    function = {"name": call.function.name, "arguments": call.function.arguments or {}}
    return {"id": id_, "type": "function", "function": function}
