"""Text to tokens and back over HTTP."""

from typing import Any

import httpx2
import pytest


def tokenize(http: httpx2.Client, **body: Any) -> list[Any]:
    """The tokens that the server answers."""
    reply = http.post("/tokenize", json=body)
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"tokens"}
    return list(reply.json()["tokens"])


@pytest.mark.parametrize(
    "text", ["", "a", " 9.9 > 9.11\n\n", "é 漢字 🙂", "<think>x</think>", "\0"]
)
def test_there_and_back(http: httpx2.Client, text: str) -> None:
    """Nothing is lost."""
    for special in (True, False):
        tokens = tokenize(http, content=text, parse_special=special)
        assert http.post("/detokenize", json={"tokens": tokens}).json() == {"content": text}


def test_special_tokens(http: httpx2.Client) -> None:
    """One token each, unless they are to be text; the demo wants none at the beginning."""
    (end,) = tokenize(http, content="<|im_end|>")
    assert http.post("/detokenize", json={"tokens": [end]}).json() == {"content": "<|im_end|>"}
    text = tokenize(http, content="<|im_end|>", parse_special=False)
    assert len(text) > 1
    assert end not in text
    assert tokenize(http, content="a", add_special=True) == tokenize(http, content="a")


def test_pieces(http: httpx2.Client) -> None:
    """The text of each token, or its bytes where they are only a part of a character."""
    entries = tokenize(http, content="one 🙂", with_pieces=True)
    assert [entry["id"] for entry in entries] == tokenize(http, content="one 🙂")
    pieces = [entry["piece"] for entry in entries]
    raw = b"".join(bytes(p) if isinstance(p, list) else p.encode() for p in pieces)
    assert raw.decode() == "one 🙂"


def test_it_counts_what_a_prompt_costs(http: httpx2.Client) -> None:
    """As many tokens as the usage says."""
    text = "What is 12 + 30?"
    body = {"prompt": text, "max_tokens": 1}
    usage = http.post("/v1/completions", json=body).json()["usage"]
    assert usage["prompt_tokens"] == len(tokenize(http, content=text, add_special=True))


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("tokenize", {}, "content"),
        ("tokenize", {"content": 5}, "content"),
        ("tokenize", {"content": "a", "with_pieces": 1}, "with_pieces"),
        ("detokenize", {}, "tokens"),
        ("detokenize", {"tokens": "a"}, "tokens"),
        ("detokenize", {"tokens": [-1]}, "tokens.0"),
        ("detokenize", {"tokens": [1.5]}, "tokens.0"),
        ("detokenize", {"tokens": [1, 10**30]}, "tokens"),
        ("detokenize", {"tokens": [123456789]}, "tokens"),
    ],
)
def test_errors(http: httpx2.Client, path: str, body: dict[str, Any], param: str) -> None:
    """400 with the field."""
    reply = http.post(f"/{path}", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
