"""What a reply must be, whatever was asked; pure. Every function returns what is wrong with it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from bench.soaking.bodies import Json
from bench.soaking.wire import Reply

_REASONS = {"stop", "length", "tool_calls"}
_ENDS = ("finish_reason", "finish_details")


def judged(reply: Reply, statuses: Iterable[int], *, form: bool = True) -> list[str]:
    """A reply to any request; 429 is always right, when it says when to come back."""
    if not reply.complete:
        return [] if 0 in statuses else [f"the connection ended within reply {reply.status}"]
    if reply.status not in {*statuses, 429}:
        return [f"status {reply.status}: {reply.body[:300]!r}"]
    if b"Traceback" in reply.body:
        return ["a traceback"]
    if reply.status >= 400 and form:
        return list(_error(reply))
    return []


def _error(reply: Reply) -> Iterator[str]:
    body = parsed(reply.body)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or set(error) != {"message", "type", "param", "code"}:
        yield f"an error that is not in OpenAI's form: {reply.body[:300]!r}"
        return
    if not (isinstance(error["message"], str) and error["message"].endswith((".", "?"))):
        yield f"no sentence: {error['message']!r}"
    if reply.status == 429 and not reply.headers.get("retry-after", "").isdigit():
        yield "429 without Retry-After"


def parsed(data: bytes) -> Any:
    """JSON as the standard has it; ``None`` for anything else."""
    try:
        return json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> float:
    raise ValueError(name)


def events(data: bytes) -> list[Json] | None:
    """The server-sent events of a whole stream without its end mark; ``None`` for no stream."""
    lines = data.split(b"\n\n")
    if lines[-2:] != [b"data: [DONE]", b""]:
        return None
    found = [parsed(line.removeprefix(b"data: ")) for line in lines[:-2]]
    return found if all(isinstance(event, dict) for event in found) else None


def answered(asked: Mapping[str, Any], reply: Reply, context: int) -> list[str]:
    """A complete reply with status 200 to a completion of either kind."""
    if asked.get("stream"):
        chunks = events(reply.body)
        if chunks is None:
            return [f"a stream without its end: {reply.body[-300:]!r}"]
        return list(_stream(asked, chunks, context))
    body = parsed(reply.body)
    if not isinstance(body, dict) or "choices" not in body:
        return [f"no completion: {reply.body[:300]!r}"]
    return [*_choices(asked, body["choices"]), *_usage(asked, body, context)]


def _stream(asked: Mapping[str, Any], chunks: list[Json], context: int) -> Iterator[str]:
    if errors := [chunk["error"] for chunk in chunks if "error" in chunk]:
        yield f"an error within a stream: {errors[0]}"
        return
    if len({chunk["id"] for chunk in chunks}) != 1:
        yield "a stream with several ids"
    told = [choice for chunk in chunks for choice in chunk["choices"]]
    roles = [choice for choice in told if "role" in choice.get("delta", {})]
    if "messages" in asked and len(roles) != _choice_count(asked):
        yield f"the role {len(roles)} times"
    yield from _choices(asked, list(whole(chunks).values()))
    wanted = (asked.get("stream_options") or {}).get("include_usage") is True
    if wanted != ("usage" in chunks[-1]):
        yield f"usage: wanted {wanted}, told {not wanted}"
    if wanted:
        yield from _usage(asked, chunks[-1], context)
        tokens = sum(chunk.get("tokens", 0) for chunk in chunks)
        if tokens > chunks[-1]["usage"]["completion_tokens"]:
            yield f"{tokens} tokens in the chunks are more than the usage says"


def whole(chunks: Iterable[Json]) -> dict[int, Json]:
    """The choices that the chunks of a stream make together, by their index."""
    made: dict[int, Json] = {}
    for chunk in chunks:
        for piece in chunk["choices"]:
            choice = made.setdefault(
                piece["index"], {"index": piece["index"], "message": {}, "reasons": []}
            )
            choice["text"] = choice.get("text", "") + piece.get("text", "")
            _add_delta(choice["message"], piece.get("delta", {}))
            if piece["finish_reason"] is not None:
                choice["reasons"].append(piece["finish_reason"])
                choice |= {name: piece[name] for name in _ENDS if name in piece}
    return made


def _add_delta(message: Json, delta: Json) -> None:
    for name in ("content", "reasoning_content"):
        if name in delta:
            message[name] = message.get(name, "") + delta[name]
    for call in delta.get("tool_calls", ()):
        calls = message.setdefault("tool_calls", [])
        if call["index"] == len(calls):
            calls.append({"function": {"name": call["function"]["name"], "arguments": ""}})
        calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]


def _choices(asked: Mapping[str, Any], choices: list[Json]) -> Iterator[str]:
    count = _choice_count(asked)
    if sorted(choice["index"] for choice in choices) != list(range(count)):
        yield f"{len(choices)} choices instead of {count}"
    for choice in choices:
        if choice.get("finish_reason") not in _REASONS or len(choice.get("reasons", "1")) != 1:
            yield f"the finish reasons {choice.get('reasons', choice.get('finish_reason'))}"
            continue
        yield from _text(asked, choice)
        if "messages" in asked:
            yield from _calls(asked, choice)
            yield from _form(asked, choice)
        if choice.get("logprobs"):
            yield from _logprobs(choice["logprobs"])


def _prompt_count(asked: Mapping[str, Any]) -> int:
    prompt = asked.get("prompt")
    several = isinstance(prompt, list) and bool(prompt) and not isinstance(prompt[0], int)
    return len(prompt) if several and isinstance(prompt, list) else 1


def _choice_count(asked: Mapping[str, Any]) -> int:
    return _prompt_count(asked) * int(asked.get("n") or 1)


def _text(asked: Mapping[str, Any], choice: Json) -> Iterator[str]:
    text = choice["message"].get("content", "") if "messages" in asked else choice["text"]
    if asked.get("echo"):
        prompts = asked["prompt"]
        place = choice["index"] // (asked.get("n") or 1)
        prompt = prompts if isinstance(prompts, str) else prompts[place]
        if isinstance(prompt, str) and not text.startswith(prompt):
            yield f"the echo of {prompt[:100]!r} is {text[:100]!r}"
        return
    if asked.get("reasoning_format") == "none" and text.startswith("<think>"):
        text = text.partition("</think>")[2]  # they end the answer alone
    stops = asked.get("stop") or ()
    for stop in [stops] if isinstance(stops, str) else stops:
        if stop in text:
            yield f"the stop string {stop!r} in {text[-200:]!r}"


def _calls(asked: Mapping[str, Any], choice: Json) -> Iterator[str]:
    calls = choice["message"].get("tool_calls", ())
    if choice["finish_reason"] != "tool_calls":
        return
    names = {tool["function"]["name"] for tool in asked.get("tools") or ()}
    if not calls:
        yield "tool_calls without any"
    for call in calls:
        function = call["function"]
        if function["name"] not in names:
            yield f"a call of {function['name']!r}, which is none of {names}"
        if not isinstance(parsed(function["arguments"].encode(errors="replace")), dict):
            yield f"arguments that are no object: {function['arguments'][:200]!r}"


def _form(asked: Mapping[str, Any], choice: Json) -> Iterator[str]:
    kind = (asked.get("response_format") or {}).get("type", "text")
    if choice["finish_reason"] != "stop" or asked.get("stop"):
        return
    if choice["finish_details"]["thought"] == "unfinished":
        return  # the model ended its turn there, and the thought has no form
    content = choice["message"].get("content", "").rpartition("</think>")[2]
    choices = asked.get("guided_choice") or ()
    if choices and content.strip() not in choices:
        yield f"{content[:300]!r} is none of {choices}"
    pattern = asked.get("guided_regex")
    if pattern and not re.fullmatch(pattern, content.strip()):
        yield f"{content[:300]!r} does not match {pattern!r}"
    if kind == "text":
        return
    try:
        value = json.loads(content)
    except ValueError:
        yield f"an answer that is no JSON: {content[:300]!r}"
        return
    if kind == "json_object" and not isinstance(value, dict):
        yield f"an answer that is no object: {content[:300]!r}"


def _logprobs(logprobs: Json) -> Iterator[str]:
    if "tokens" in logprobs:
        names = ("tokens", "token_logprobs", "top_logprobs", "text_offset")
        if len({len(logprobs[name]) for name in names}) != 1:
            yield "logprobs of different lengths"
        values = [value for value in logprobs["token_logprobs"] if value is not None]
        if logprobs["text_offset"] != sorted(logprobs["text_offset"]):
            yield "text offsets out of order"
    else:
        entries = (logprobs.get("content") or []) + logprobs.get("reasoning_content", [])
        values = [entry["logprob"] for entry in entries]
    if not all(isfinite(value) and value <= 1e-3 for value in values):
        yield f"log probabilities that are none: {values[:20]}"


def _usage(asked: Mapping[str, Any], body: Json, context: int) -> Iterator[str]:
    usage = body["usage"]
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    count = _prompt_count(asked)
    if usage["total_tokens"] != prompt + completion:
        yield f"a total of {usage['total_tokens']} for {prompt} + {completion} tokens"
    if not 0 <= cached <= prompt - count:
        yield f"{cached} of {prompt} prompt tokens from the cache"
    if not 0 <= reasoning <= completion:
        yield f"{reasoning} of {completion} tokens of thought"
    choices = _choice_count(asked)
    if prompt + completion > (context + 1) * choices:
        yield f"{prompt} + {completion} tokens in a context of {context}"
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens")
    if limit is not None and limit >= 0 and completion > limit * choices:
        yield f"{completion} tokens where {limit * choices} were the most"
    if choices == 1 and not all(isfinite(value) for value in body["timings"].values()):
        yield f"the timings {body['timings']}"
