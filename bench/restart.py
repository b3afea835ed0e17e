"""What is read again of a conversation after the server was stopped and started.

    python -m bench.restart [--record]

A conversation of twelve turns goes on after a restart of ``localqwq serve``: how many tokens of the
prompt are computed again, with the KV cache that is on disk, and (the baseline) with an empty disk,
as it is with servers that keep caches in memory alone. The demo model; counts, no timings.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import httpx2

from bench.recording import Figure, record
from bench.serving import serving
from bench.turns import TURNS

NEXT = "And what is 11 + 31?"


def answer(client: httpx2.Client, messages: list[dict[str, str]], **options: Any) -> dict[str, Any]:
    """Ask for the next turn; the whole response."""
    body = {"messages": messages, "temperature": 0, "max_tokens": 300, **options}
    response = client.post("/v1/chat/completions", json=body)
    response.raise_for_status()
    found: dict[str, Any] = response.json()
    return found


def converse(client: httpx2.Client) -> list[dict[str, str]]:
    """Hold the conversation, and return it with the next question."""
    messages: list[dict[str, str]] = []
    for text in TURNS:
        messages.append({"role": "user", "content": text})
        said = answer(client, messages)["choices"][0]["message"]["content"] or ""
        messages.append({"role": "assistant", "content": said})
    return [*messages, {"role": "user", "content": NEXT}]


def read_again(usage: dict[str, Any]) -> int:
    """Tokens of the prompt that were computed."""
    return int(usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"])


def main() -> None:
    """Converse, restart, go on; then the same with a disk that holds nothing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as empty:
        with serving(Path(folder)) as client:
            messages = converse(client)
        with serving(Path(folder)) as client:
            kept = answer(client, messages)["usage"]
        with serving(Path(empty)) as client:
            lost = answer(client, messages)["usage"]
    ours, theirs = read_again(kept), read_again(lost)
    print(f"prompt of {kept['prompt_tokens']} tokens after a restart: {ours} read again")
    print(f"with an empty disk: {theirs}")
    if arguments.record:
        figure = Figure(
            "prompt tokens computed again after a restart", f"{ours} tokens",
            "no KV cache on disk", f"{theirs} tokens", round(ours / theirs, 3),
        )  # fmt: skip
        record(
            "restart", "The KV cache survives a restart", [figure],
            command="python -m bench.restart --record",
            model="demo", note="A conversation of twelve turns.",
        )  # fmt: skip


if __name__ == "__main__":
    main()
