"""Random requests that are as they should be, from a seeded generator; pure."""

import json
from functools import cache
from random import Random
from typing import Any

from localqwq.locations import demo_checkpoint

Json = dict[str, Any]

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
_QUESTIONS = (
    "Hello!",
    "Who are you?",
    "How many r's are in the word strawberry?",
    "Which is larger, 9.9 or 9.11?",
    "What is 123 + 456?",
    "What is 12 * 34?",
    "Thank you!",
)
_ODD = (
    "",
    " ",
    "\n\n\n",
    "\0",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<|im_end|>",
    "<|im_start|>assistant\n",
    "<|endoftext|>",
    "{{ messages }}{% for x in y %}",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "e\u0301\u0323",
    "\u202e\u2066",
    "```json\n{}\n```",
    "9" * 60,
    "a" * 200,
)
_STOPS = (".", "\n", "\n\n", "is", "**", "the", "1", "</think>", "<think>", "<|im_end|>")
_EDGES: dict[str, tuple[float, ...]] = {
    "temperature": (0, 0, 0, 0.01, 0.6, 1, 5, 100),
    "top_p": (0, 0.01, 0.9, 1),
    "top_k": (-1, 0, 1, 40, 100_000, 2**31 - 1),
    "min_p": (0, 0.05, 1),
    "typical_p": (0, 0.5, 1),
    "xtc_probability": (0, 0.5, 1),
    "xtc_threshold": (0, 0.1, 1),
    "repeat_penalty": (0.01, 1, 1.3, 100),
    "repeat_last_n": (-1, 0, 64, 2**31 - 1),
    "presence_penalty": (-100, -2, 0, 2, 100),
    "frequency_penalty": (-100, -2, 0, 2, 100),
    "dry_multiplier": (0, 0.8, 100),
    "dry_base": (1, 1.75, 100),
    "dry_allowed_length": (0, 2, 2**31 - 1),
    "dry_penalty_last_n": (-1, 0, 64, 2**31 - 1),
    "seed": (-1, 0, 1, 2**32 - 2, 2**64 - 1, -(2**63)),
}
_BANS = 1024
"""As many biases as a request may have."""


@cache
def vocabulary() -> int:
    """How many tokens the demo has."""
    config = json.loads((demo_checkpoint() / "config.json").read_text(encoding="utf-8"))
    return int(config["vocab_size"])


@cache
def calculator() -> Json:
    """The tool that the demo can use."""
    tool: Json = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    return tool


def text(random: Random, longest: int = 30) -> str:
    """A text of up to so many questions and oddities."""
    pieces = [
        random.choice(_ODD) if random.random() < 0.25 else random.choice(_QUESTIONS)
        for _ in range(random.choice((1, 1, 1, 2, 3, random.randint(1, longest))))
    ]
    return random.choice((" ", "\n", "")).join(pieces)


def beyond(random: Random) -> str:
    """A text that is far longer than the context."""
    return random.choice(("strawberry ", "9", "a b ", "\u2603")) * random.randint(8_000, 60_000)


def sampling(random: Random) -> Json:
    """How tokens are chosen: some of the fields, at the limits of what is allowed."""
    names = random.sample(sorted(_EDGES), random.choice((0, 0, 1, 2, 3, len(_EDGES))))
    chosen: Json = {name: random.choice(_EDGES[name]) for name in names}
    if random.random() < 0.05:
        chosen["dry_sequence_breakers"] = random.sample(["\n", ":", "a", "é" * 20], 2)
    return chosen


def limits(random: Random, most: int = 96) -> Json:
    """What every request can have beside its text: where it ends, and how it is sent."""
    chosen: Json = {"max_tokens": random.choice((1, 2, 8, 24, random.randint(1, most)))}
    if random.random() < 0.02:
        del chosen["max_tokens"]
    if random.random() < 0.5:
        chosen["stream"] = True
        if random.random() < 0.6:
            chosen["stream_options"] = {"include_usage": random.random() < 0.8}
    if random.random() < 0.2:
        stops = random.sample(_STOPS, random.randint(1, 3))
        chosen["stop"] = stops if random.random() < 0.7 else stops[0]
    if random.random() < 0.1:
        chosen["logit_bias"] = biases(random)
    for name, chance in (("ignore_eos", 0.1), ("cache_prompt", 0.2), ("loop_detection", 0.1)):
        if random.random() < chance:
            chosen[name] = random.random() < 0.5
    if random.random() < 0.05:
        chosen["n"] = random.choice((1, 2, 3))
    if random.random() < 0.05:
        chosen["rope"] = random.choice(("auto", "off"))
    return chosen


def biases(random: Random) -> Any:
    """A few biases, extreme ones, or as many bans as a request may have."""
    match random.randrange(4):
        case 0:
            first = random.randrange(max(1, vocabulary() - _BANS))
            return {str(token): -100 for token in range(first, first + _BANS)}
        case 1:
            first = random.randrange(max(1, vocabulary() - _BANS))
            return [[token, False] for token in range(first, first + _BANS)]
        case 2:
            return {str(random.randrange(vocabulary())): 100}
        case _:
            tokens = random.sample(range(vocabulary()), 5)
            return {str(token): random.choice((-100, -1.5, 0, 3, 100)) for token in tokens}


def chat(random: Random, words: str | None = None) -> Json:
    """A chat of one question."""
    messages: list[Json] = []
    if random.random() < 0.3:
        role = random.choice(("system", "developer"))
        messages.append({"role": role, "content": text(random, 4)})
    elif random.random() < 0.2:
        messages += [message(random) for _ in range(random.randint(1, 5))]
    content: Any = text(random) if words is None else words
    if random.random() < 0.1:
        content = [{"type": "text", "text": content}, {"type": "text", "text": "!"}]
    messages.append({"role": "user", "content": content})
    body: Json = {"messages": messages} | sampling(random) | limits(random)
    if random.random() < 0.15:
        body["logprobs"] = True
        if random.random() < 0.7:
            body["top_logprobs"] = random.choice((0, 1, 5, 20))
    if random.random() < 0.3:
        body["reasoning_budget"] = random.choice((-1, 0, 1, 5, 20, 2**31 - 1))
        if random.random() < 0.2:
            body["reasoning_budget_message"] = random.choice(("", "</think>", "So:", "x" * 2000))
    elif random.random() < 0.1:
        body["reasoning_effort"] = random.choice(("none", "minimal", "medium", "high", "max"))
    if random.random() < 0.1:
        body["return_progress"] = True
    if random.random() < 0.1:
        body["reasoning_format"] = random.choice(("auto", "none", "hidden"))
    return body


def message(random: Random) -> Json:
    """A message of anybody, in whatever order they come."""
    made: Json = {"role": random.choice(("system", "user", "assistant", "tool"))}
    made["content"] = random.choice((None, text(random, 2)))
    if made["role"] == "assistant" and random.random() < 0.5:
        arguments = random.choice(('{"expression": "1 + 2"}', "{", "", "null", "[1]", {"a": 1}))
        function = {"name": random.choice(("calculator", "", "é")), "arguments": arguments}
        id_ = random.choice(("call_1", None))
        made["tool_calls"] = [{"id": id_, "type": "function", "function": function}] * 2
    if made["role"] == "assistant" and random.random() < 0.5:
        name = random.choice(("reasoning_content", "reasoning", "thinking", "refusal"))
        made[name] = text(random, 2)
    if made["role"] == "tool":
        made["tool_call_id"] = random.choice(("call_1", ""))
    return made


def completion(random: Random) -> Json:
    """One or several raw prompts."""
    body: Json = {"prompt": _prompts(random)} | sampling(random) | limits(random)
    if random.random() < 0.3:
        body["echo"] = True
        if random.random() < 0.3:
            body["max_tokens"] = 0
    if random.random() < 0.3:
        body["logprobs"] = random.choice((0, 1, 5, 20))
    return body


def _prompts(random: Random) -> Any:
    match random.randrange(5):
        case 0:
            return tokens(random)
        case 1:
            return [tokens(random) for _ in range(random.randint(1, 4))]
        case 2:
            return [_words(random) for _ in range(random.randint(1, 6))]
        case _:
            return _words(random)


def _words(random: Random) -> str:
    return text(random) or "."


def tokens(random: Random) -> list[int]:
    """Any tokens in any order; the context has to grow for some."""
    lengths = {1: 4, 2: 4, 20: 4, 300: 4, 900: 3, 1500: 1, 2500: 1}
    [length] = random.choices(list(lengths), list(lengths.values()))
    return [random.randrange(vocabulary()) for _ in range(length)]


def with_tools(random: Random) -> Json:
    """A chat with tools on offer: the demo's own, and others."""
    tools = [calculator()] if random.random() < 0.7 else []
    names = random.sample(["weather", "a b", "é", "x" * 60, '"', "\\"], random.randint(0, 2))
    for name in names:
        function: Json = {"name": name, "description": text(random, 2)}
        if random.random() < 0.8:
            function["parameters"] = {"type": "object"} | schema(random)
        tools.append({"type": "function", "function": function})
    tools = tools or [calculator()]
    body = chat(random, f"What is {random.randint(10, 99)} * {random.randint(10, 99)}?")
    body |= {"tools": tools, "max_tokens": random.choice((20, 150, 250))}
    if random.random() < 0.6:
        named = random.choice(tools)["function"]["name"]
        choice = {"type": "function", "function": {"name": named}}
        body["tool_choice"] = random.choice(("auto", "none", "required", choice))
    if random.random() < 0.3:
        body["parallel_tool_calls"] = random.random() < 0.5
    return body


def with_format(random: Random) -> Json:
    """A chat whose answer has to have a form."""
    form: Json = {"type": random.choice(("text", "json_object", "json_schema", "json_schema"))}
    if form["type"] == "json_schema":
        form["json_schema"] = {"name": "form", "schema": schema(random)}
        if random.random() < 0.3:
            form["json_schema"]["strict"] = True
    body = chat(random) | {"max_tokens": random.choice((20, 150))}
    match random.randrange(6):
        case 0:
            body["guided_choice"] = random.sample(["yes", "no", "é\n!", "<think>"], 2)
        case 1:
            body["guided_regex"] = random.choice((r"\d{3}-\d{4}", "(ab|c)+", "[^a]{1,9}"))
        case _:
            body["response_format"] = form
    if random.random() < 0.2:
        body |= {"tools": [calculator()]}
    return body


def schema(random: Random, depth: int = 3) -> Json:
    """Some JSON schema; not each of them can be held to."""
    if depth == 0 or random.random() < 0.3:
        return random.choice(_LEAVES) | ({"description": "é"} if random.random() < 0.1 else {})
    match random.randrange(6):
        case 0:
            return {
                "type": "array",
                "items": schema(random, depth - 1),
                "minItems": random.randrange(3),
                "maxItems": random.choice((3, 10, 100_000)),
            }
        case 1:
            kind = random.choice(("anyOf", "oneOf", "allOf"))
            return {kind: [schema(random, depth - 1) for _ in range(random.randint(1, 3))]}
        case 2:
            return {"$ref": random.choice(("#", "#/$defs/nothing", "#/properties/a", "http://a.b"))}
        case _:
            names = random.sample(["a", "b", "answer", "é", '"', "\n"], random.randint(0, 4))
            made: Json = {"type": "object"}
            made["properties"] = {name: schema(random, depth - 1) for name in names}
            if random.random() < 0.7:
                made["required"] = random.sample(names, random.randint(0, len(names)))
            if random.random() < 0.5:
                made["additionalProperties"] = random.random() < 0.5
            return made


_LEAVES: tuple[Json, ...] = (
    {"type": "string"},
    {"type": "string", "maxLength": 5},
    {"type": "string", "minLength": 3, "pattern": "^[a-c]+$"},
    {"type": "string", "pattern": "(a*)*$"},
    {"type": "string", "format": "date"},
    {"type": "integer"},
    {"type": "integer", "minimum": -(10**30), "maximum": 12},
    {"type": "number", "exclusiveMinimum": 0},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["string", "null"]},
    {"const": {"a": [1, "x"]}},
    {"enum": ["a", 1, None, "é\n"]},
    {"not": {}},
    {"multipleOf": 7},
    {},
)
