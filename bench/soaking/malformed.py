"""Random requests that are wrong, each with the statuses that may answer it; pure."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.soaking import bodies
from bench.soaking.bodies import CHAT, TEXT, Json
from bench.soaking.wire import Request, post

_HUGE = 33 << 20
"""Bytes, a little more than the server reads."""
_NUMBERS = (-1, 0, 1, -(10**9), 2**31, 2**32, 2**63, 10**400, -0.5, 1e-320, 1e308, 0.5)
_FIELDS = (
    "messages", "prompt", "tools", "tool_choice", "parallel_tool_calls", "response_format",
    "logit_bias", "logprobs", "top_logprobs", "stop", "max_tokens", "max_completion_tokens",
    "ignore_eos", "reasoning_effort", "reasoning_budget", "reasoning_budget_message",
    "loop_detection", "cache_prompt", "rope", "stream", "stream_options", "return_progress", "n",
    "echo", "best_of", "suffix", "temperature", "top_p", "top_k", "min_p", "typical_p",
    "xtc_probability", "xtc_threshold", "repeat_penalty", "repeat_last_n", "presence_penalty",
    "frequency_penalty", "dry_multiplier", "dry_base", "dry_allowed_length",
    "dry_penalty_last_n", "dry_sequence_breakers", "seed", "model", "user",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wrong:
    """A request, and what may come of it."""

    request: Request
    statuses: frozenset[int]
    form: bool = True
    """An error comes in OpenAI's form; without, the request does not get as far as that."""


def _wrong(request: Request, *statuses: int, form: bool = True) -> Wrong:
    return Wrong(request, frozenset(statuses), form)


def wrong_type(random: Random) -> Wrong:
    """One to three fields hold anything."""
    target, body = _fine(random)
    for name in random.sample(_FIELDS, random.choice((1, 1, 2, 3))):
        body[name] = anything(random)
    if random.random() < 0.3 and isinstance(body.get("messages"), list) and body["messages"]:
        message = body["messages"][0]
        if isinstance(message, dict):
            names = ("role", "content", "tool_calls", "tool_call_id", "reasoning_content")
            message[random.choice(names)] = anything(random)
    return _wrong(post(target, body), 200, 400)


def anything(random: Random, depth: int = 2) -> Any:
    """Any JSON value."""
    match random.randrange(7 if depth else 5):
        case 0:
            return random.choice((None, True, False))
        case 1 | 2:
            return random.choice(_NUMBERS)
        case 3 | 4:
            return random.choice((bodies.text(random, 2), "auto", "1", "\ud800", "x" * 3000))
        case 5:
            return [anything(random, depth - 1) for _ in range(random.choice((0, 1, 3, 300)))]
        case _:
            return {
                random.choice(("type", "role", "0", "1", "function", "", "é")): anything(
                    random, depth - 1
                )
                for _ in range(random.randrange(4))
            }


def unknown_field(random: Random) -> Wrong:
    """Fields that nobody knows change nothing."""
    target, body = _fine(random)
    body |= {f"x_{random.randrange(99)}": anything(random) for _ in range(3)}
    return _wrong(post(target, body), 200, 400)


def broken_json(random: Random) -> Wrong:
    """A body that is cut, or has something else in it."""
    target, body = _fine(random)
    data = json.dumps(body).encode()
    place = random.randrange(len(data))
    match random.randrange(6):
        case 0:
            data = data[:place]
        case 1:
            data = data[:place] + random.choice((b"}", b"\0", b"\\", b'"', b"NaN")) + data[place:]
        case 2:
            data = random.choice((b"null", b"[]", b'"x"', b"1", b"{}", b" ", b"\xef\xbb\xbf{}"))
        case 3:
            data = b"[" * random.choice((10, 100_000)) + data
        case 4:
            data = b'{"messages":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001
        case _:
            name = random.choice((b"seed", b"temperature", b"max_tokens"))
            number = random.choice((b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"01"))
            data = data[:-1] + b',"' + name + b'":' + number + b"}"
    return _wrong(Request("POST", target, data or b" "), 200, 400)


def invalid_utf8(random: Random) -> Wrong:
    """Bytes that are no text, within one."""
    target, body = _fine(random)
    data = json.dumps(body).encode()
    place = random.randrange(len(data))
    odd = random.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x80"))
    return _wrong(Request("POST", target, data[:place] + odd + data[place:]), 400)


def wrong_content_type(random: Random) -> Wrong:
    """A body that says that it is something else."""
    target, body = _fine(random)
    kind = random.choice(("text/plain", "multipart/form-data; boundary=x", "json", "x" * 500, ";"))
    request = Request("POST", target, json.dumps(body).encode(), (("Content-Type", kind),))
    return _wrong(request, 415)


def huge_body(random: Random) -> Wrong:
    """More than the server reads, in one piece or in chunks."""
    data = b'{"messages":[{"role":"user","content":"' + b"9" * _HUGE + b'"}]}'
    if random.random() < 0.5:
        return _wrong(Request("POST", CHAT, data), 413)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
    head += "Connection: close\r\n\r\n"
    chunk = b"%x\r\n" % len(data) + data + b"\r\n0\r\n\r\n"
    return _wrong(Request("POST", CHAT, raw=head.encode() + chunk), 413)


def wrong_place(random: Random) -> Wrong:
    """Paths, methods and names that are not served."""
    fine = json.dumps(bodies.chat(random)).encode()
    return random.choice(
        (
            _wrong(Request("POST", "/v1/embeddings", fine), 404),
            _wrong(Request("GET", "/" + "a/" * random.randrange(2000)), 404),
            _wrong(Request("GET", "/%00%ff/..//v1"), 404),
            _wrong(Request(random.choice(("GET", "PUT", "DELETE")), CHAT), 405),
            _wrong(Request("POST", f"{CHAT}/chatcmpl-0/answer"), 404),
            _wrong(post(f"{CHAT}/%ff/budget", {"reasoning_budget": 1}), 404),
            _wrong(post(f"{CHAT}/x/budget", {"reasoning_budget": anything(random)}), 400, 404),
            _wrong(Request("POST", CHAT, fine, (("Host", "evil.example"),)), 403),
            _wrong(Request("POST", CHAT, fine, (("Origin", "http://evil.example"),)), 403),
            _wrong(Request("POST", CHAT), 400),
        )
    )


def no_http(random: Random) -> Wrong:
    """What is not even HTTP; the connection may simply end."""
    post_chat = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
    garbage = random.choice(
        (
            bytes(random.randrange(256) for _ in range(random.randint(1, 300))) + b"\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /health HTTP/1.1\r\n\r\n",
            b"POST "
            + CHAT.encode()
            + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
            post_chat + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        )
    )
    return _wrong(Request("", "", raw=garbage), 0, 400, 403, 404, 431, form=False)


def token_request(random: Random) -> Wrong:
    """Text to tokens and back, right or wrong."""
    if random.random() < 0.5:
        content = bodies.text(random) if random.random() < 0.8 else anything(random)
        options = ("add_special", "parse_special", "with_pieces")
        body: Json = {"content": content} | {
            name: random.random() < 0.5 for name in options if random.random() < 0.5
        }
        return _wrong(post("/tokenize", body), 200, 400)
    tokens = bodies.tokens(random) if random.random() < 0.8 else anything(random)
    return _wrong(post("/detokenize", {"tokens": tokens}), 200, 400)


def _fine(random: Random) -> tuple[str, Json]:
    if random.random() < 0.3:
        return TEXT, bodies.completion(random)
    return CHAT, bodies.chat(random)


WRONG: dict[str, tuple[int, Callable[[Random], Wrong]]] = {
    "wrong types": (10, wrong_type),
    "unknown fields": (2, unknown_field),
    "broken JSON": (6, broken_json),
    "invalid UTF-8": (2, invalid_utf8),
    "content type": (2, wrong_content_type),
    "wrong place": (3, wrong_place),
    "no HTTP": (3, no_http),
    "tokenize": (3, token_request),
}
"""By kind: how often it comes, in parts of all, and how it is made."""
