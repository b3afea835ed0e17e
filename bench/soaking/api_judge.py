"""What replies of the other APIs must be; pure. Every function returns what is wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.soaking.bodies import Json
from bench.soaking.judge import parsed
from bench.soaking.wire import Reply

_STATUSES = ("completed", "incomplete")
_STOPS = ("end_turn", "max_tokens", "stop_sequence", "tool_use")


def api_answered(target: str, asked: Mapping[str, Any], reply: Reply) -> list[str]:
    """A complete reply to a request of one of these APIs."""
    body = parsed(reply.body)
    if reply.status >= 400:
        return list(_error(target, body, reply))
    if target.startswith("/api/"):
        return list(_ollama(asked, reply))
    if asked.get("stream"):
        events = named_events(reply.body)
        if events is None:
            return [f"no stream of named events: {reply.body[-300:]!r}"]
        judge = _response_events if "responses" in target else _message_events
        return list(judge(events))
    if not isinstance(body, dict):
        return [f"no JSON: {reply.body[:300]!r}"]
    return list((_response if "responses" in target else _message)(body))


def answer_of(target: str, reply: Reply) -> str:
    """The text of an answer that was not streamed."""
    body: Any = parsed(reply.body)
    match target:
        case "/v1/responses":
            contents = [one["content"] for one in body["output"] if one["type"] == "message"]
            return "".join(part["text"] for content in contents for part in content)
        case "/v1/messages":
            return "".join(one["text"] for one in body["content"] if one["type"] == "text")
        case "/api/chat":
            return str(body["message"]["content"])
        case _:
            return str(body["response"])


def named_events(data: bytes) -> list[Json] | None:
    """The events of a whole stream; ``None`` if one has another name than it says, or no JSON."""
    found: list[Json] = []
    *blocks, rest = data.split(b"\n\n")
    for block in blocks:
        if block.startswith(b":"):
            continue  # a comment: the model is being loaded
        head, _, line = block.partition(b"\n")
        event = parsed(line.removeprefix(b"data: "))
        if not isinstance(event, dict) or head != b"event: " + str(event["type"]).encode():
            return None
        found.append(event)
    return found if not rest and found else None


def _error(target: str, body: Any, reply: Reply) -> Iterator[str]:
    """In the form of the API."""
    error: Any = body.get("error") if isinstance(body, dict) else None
    if target.startswith("/api/"):
        message = error
    else:
        message = error.get("message") if isinstance(error, dict) else None
        if "messages" in target and body.get("type") != "error":
            yield f"an error that is not in Anthropic's form: {reply.body[:300]!r}"
    if not (isinstance(message, str) and message.endswith((".", "?"))):
        yield f"an error without a sentence: {reply.body[:300]!r}"
    if reply.status == 429 and not reply.headers.get("retry-after", "").isdigit():
        yield "429 without Retry-After"


def _response(body: Json) -> Iterator[str]:
    if body.get("status") not in _STATUSES:
        yield f"the status {body.get('status')!r}"
        return
    usage = body["usage"]
    if usage["total_tokens"] != usage["input_tokens"] + usage["output_tokens"]:
        yield f"the usage {usage}"
    if any(
        item["type"] not in ("reasoning", "message", "function_call") for item in body["output"]
    ):
        yield f"the items {[item['type'] for item in body['output']]}"


def _response_events(events: list[Json]) -> Iterator[str]:
    if [event["sequence_number"] for event in events] != list(range(len(events))):
        yield "sequence numbers out of order"
    kinds = [event["type"] for event in events]
    if kinds[:2] != ["response.created", "response.in_progress"]:
        yield f"a stream that begins with {kinds[:2]}"
    last = events[-1]
    if kinds[-1] not in ("response.completed", "response.incomplete"):
        yield f"a stream that ends with {last}"
        return
    yield from _response(last["response"])
    deltas: dict[str, str] = {}
    for event in events:
        if event["type"] == "response.output_text.delta":
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
    for item in last["response"]["output"]:
        if item["type"] == "message":
            whole = "".join(part["text"] for part in item["content"])
            if whole != deltas.get(item["id"], ""):
                yield f"deltas that are not the text: {whole[:100]!r}"


def _message(body: Json) -> Iterator[str]:
    if body.get("stop_reason") not in _STOPS:
        yield f"the stop reason {body.get('stop_reason')!r}"
    if min(body["usage"]["input_tokens"], body["usage"]["output_tokens"]) < 0:
        yield f"the usage {body['usage']}"


def _message_events(events: list[Json]) -> Iterator[str]:
    told = [event for event in events if event["type"] != "ping"]
    kinds = [event["type"] for event in told]
    if kinds[0] != "message_start" or kinds[-2:] != ["message_delta", "message_stop"]:
        yield f"a stream from {kinds[0]} to {told[-1]}"
        return
    opened: int | None = None
    count = 0
    for event in told[1:-2]:
        match event["type"]:
            case "content_block_start" if opened is None and event["index"] == count:
                opened, count = count, count + 1
            case "content_block_delta" if event["index"] == opened:
                pass
            case "content_block_stop" if event["index"] == opened:
                opened = None
            case _:
                yield f"out of order: {event}"
                return
    if opened is not None:
        yield "a block without an end"
    if told[-2]["delta"]["stop_reason"] not in _STOPS:
        yield f"the stop reason {told[-2]['delta']}"


def _ollama(asked: Mapping[str, Any], reply: Reply) -> Iterator[str]:
    lines = [parsed(line) for line in reply.body.splitlines()]
    if not all(isinstance(line, dict) for line in lines) or not lines:
        yield f"no lines of JSON: {reply.body[:300]!r}"
        return
    if asked.get("stream") is False and len(lines) != 1:
        yield f"{len(lines)} lines"
    if [line.get("done") for line in lines] != [False] * (len(lines) - 1) + [True]:
        yield f"not done at its end: {lines[-1]}"
        return
    last = lines[-1]
    if last["done_reason"] not in ("stop", "length", "load"):
        yield f"the reason {last['done_reason']!r}"
    limit = asked["options"]["num_predict"]
    if last.get("eval_count", 0) > limit:
        yield f"{last['eval_count']} tokens where {limit} were the most"
