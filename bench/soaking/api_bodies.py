"""Random requests of the other APIs: Responses, Messages, Ollama; pure."""

from random import Random

from bench.soaking import bodies
from bench.soaking.bodies import Json

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"
OLLAMA_CHAT, OLLAMA_GENERATE = "/api/chat", "/api/generate"
TARGETS = (RESPONSES, MESSAGES, OLLAMA_CHAT, OLLAMA_GENERATE)


def any_body(random: Random, target: str) -> Json:
    """A request to this path as it should be."""
    match target:
        case "/v1/responses":
            return response(random)
        case "/v1/messages":
            return messages(random)
        case "/api/chat":
            return ollama_chat(random)
        case _:
            return ollama_generate(random)


def response(random: Random, words: str | None = None) -> Json:
    """A request for a response."""
    said = bodies.text(random, 6) or "." if words is None else words
    body: Json = {"input": said, "max_output_tokens": random.choice((1, 16, 24, 96))}
    if random.random() < 0.4:
        part = {"type": "input_text", "text": said}
        body["input"] = [{"role": "user", "content": [part]}]
    if random.random() < 0.3:
        body["instructions"] = bodies.text(random, 4)
    if random.random() < 0.2:
        body["reasoning"] = {"effort": random.choice(("none", "minimal", "low", "high"))}
    if random.random() < 0.3:
        tool = bodies.calculator()["function"]
        body["tools"] = [{"type": "function", **tool}, {"type": "web_search"}]
    if random.random() < 0.2:
        body["text"] = {"format": {"type": "json_object"}}
    if random.random() < 0.3:
        body["store"] = random.random() < 0.5
    return body | _streamed(random) | _warm(random)


def messages(random: Random, words: str | None = None) -> Json:
    """A request for a message."""
    said = bodies.text(random, 6) or "." if words is None else words
    content = said if random.random() < 0.6 else [{"type": "text", "text": said}]
    body: Json = {
        "messages": [{"role": "user", "content": content}],
        "max_tokens": random.choice((1, 16, 24, 96)),
    }
    if random.random() < 0.4:
        system = bodies.text(random, 4)
        body["system"] = random.choice((system, [{"type": "text", "text": system}]))
    if random.random() < 0.3:
        budget = random.choice((1024, 4096))
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        body["max_tokens"] = budget + 16
    if random.random() < 0.3:
        tool = bodies.calculator()["function"]
        schema = {"name": tool["name"], "description": tool["description"]}
        body["tools"] = [schema | {"input_schema": tool["parameters"]}]
    if random.random() < 0.2:
        body["stop_sequences"] = ["1", "the"]
    return body | _streamed(random) | _warm(random)


def ollama_chat(random: Random, words: str | None = None) -> Json:
    """A chat in Ollama's form."""
    said = bodies.text(random, 6) or "." if words is None else words
    body = _ollama(random) | {"messages": [{"role": "user", "content": said}]}
    if random.random() < 0.3:
        body["tools"] = [bodies.calculator()]
    return body


def ollama_generate(random: Random, words: str | None = None) -> Json:
    """A prompt in Ollama's form."""
    said = bodies.text(random, 6) or "." if words is None else words
    body = _ollama(random) | {"prompt": said}
    if random.random() < 0.3:
        body["raw"] = True
    elif random.random() < 0.3:
        body["system"] = bodies.text(random, 4)
    return body


def _ollama(random: Random) -> Json:
    options: Json = {"num_predict": random.choice((1, 8, 24, 96))} | _warm(random)
    body: Json = {"model": "any", "options": options}
    if random.random() < 0.5:
        body["stream"] = random.random() < 0.5
    if random.random() < 0.2:
        body["think"] = random.choice((True, False, "low"))
    if random.random() < 0.2:
        body["format"] = random.choice(("json", {"type": "object"}))
    return body


def _streamed(random: Random) -> Json:
    return {"stream": True} if random.random() < 0.5 else {}


def _warm(random: Random) -> Json:
    return {"temperature": random.choice((0, 0.5, 1))} if random.random() < 0.6 else {}
