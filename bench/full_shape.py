"""A model of QwQ-32B's full shape on this machine, beside llama-bench on the same file.

    python -m bench.full_shape --peer DIR --folder DIR [--layers 64] [--repeat 2] [--record]

A file with random weights is written to ``--folder``: 19.9 GB for all 64 layers, removed at the end
unless ``--keep`` is given. Ours is loaded with the file out of the system's cache, reads a prompt
and answers; then llama-bench does the same, and so on in turns, one at a time, since two do not fit
into memory: first with the weights rearranged for the processor, then as they are in the file. At
the end another program takes ``--pressure`` of memory while an answer is written. The speed of the
memory is that of plain reading with as many threads. Nothing else may run.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

import httpx2
import numpy as np
import psutil

from bench.peer.servers import SENTENCE, environment
from bench.peer.start import started
from bench.random_gguf import make_random_gguf
from bench.recording import Figure, record
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.models.outlook import look
from localqwq.planning.constraints import Constraints
from localqwq.planning.plan import Plan
from localqwq.planning.repacking import RepackMode
from localqwq.sizes import parsed_size, readable_size
from tests.sparse import QWQ

CONTEXT, QUANT = 2048, "Q4_K_M"
PROMPT, ANSWER = 96, 12
"""Tokens; a full-size model reads and writes few a second."""
_READ = 1 << 30
"""Bytes that each thread reads to measure memory."""
_READS = 3
_LLAMA_BENCH = "llama-bench"
LAYOUTS: Mapping[RepackMode, str] = {"on": "rearranged", "off": "as in the file"}
"""What is said of the weights in each layout."""
_HOLD_S = 5.0
"""Seconds for the system to make room before the answer beside the other program begins."""
_HOLD = """
import sys
held = bytearray(int(sys.argv[1]))
held[::4096] = bytes([1]) * len(held[::4096])
print("held", flush=True)
sys.stdin.read()
"""


@dataclass(slots=True)
class Seen:
    """What was measured, of each turn."""

    load_s: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    """Tokens per second."""
    prompt: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    """Bytes of the engine's process that are in memory: without pages of the file if weights are
    rearranged, as those are not needed any more.
    """
    pressed: str = ""
    """What happened beside another program."""


def main() -> int:
    """Measure, and print a line for each figure."""
    arguments = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="full-shape-", dir=arguments.folder))
    os.environ |= environment(str(folder / "home"))  # speeds are measured now
    try:
        figures = _measured(arguments, folder)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:6.2f}"
        print(
            f"{figure.what:50} {figure.value:>24} {figure.peer:>28} {figure.peer_value:>10} {ratio}"
        )
    if arguments.record:
        record(
            "full_shape",
            "A 32B model on a machine of 24 GiB",
            figures,
            command="python -m bench.full_shape",
            note="A generated file of QwQ-32B's shape in Q4_K_M, in turns with llama-bench; "
            "nothing else runs. The file is not in the system's cache before a load.",
            model=f"QwQ-32B's shape, {arguments.layers} layers, random weights",
        )
    return 0


def _measured(arguments: argparse.Namespace, folder: Path) -> list[Figure]:
    program = arguments.peer / _LLAMA_BENCH
    if not program.is_file():
        raise LocalqwqError(f"There is no {_LLAMA_BENCH} in {arguments.peer}.")
    began = perf_counter()
    config = QWQ | {"num_hidden_layers": arguments.layers}
    model = make_random_gguf(folder, config, QUANT)
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    print(f"{model.stat().st_size:,} bytes written in {perf_counter() - began:.0f} s", flush=True)
    threads, pressure = arguments.threads, parsed_size(arguments.pressure)
    facts = read_facts(model)
    read = _read_speed(threads)
    outlook = look(measure="always", quant=facts.quant)
    figures: list[Figure] = []
    for layout in LAYOUTS:
        constraints = Constraints(context=CONTEXT, threads=threads, parallel=1, repack=layout)
        plan = outlook.plan(facts, constraints)
        print(f"{plan.why} {plan.speed}", flush=True)
        ours, theirs = Seen(), Seen()
        for turn in range(arguments.repeat):
            last = turn + 1 == arguments.repeat
            _ours(model, layout, threads, ours, pressure if last else 0, folder)
            print(ours, flush=True)
            _theirs(program, model, layout, threads, theirs)
            print(theirs, flush=True)
        figures += _figures(plan, read, ours, theirs, arguments.pressure)
    return figures


def _figures(plan: Plan, read: float, ours: Seen, theirs: Seen, pressure: str) -> list[Figure]:
    weights = plan.facts.weight_bytes - plan.facts.input_bytes
    ceiling = read / weights
    answer, prompt = statistics.median(ours.answer), statistics.median(ours.prompt)
    resident = statistics.median(ours.resident)
    layout = LAYOUTS["on" if plan.repack else "off"]

    def beside(what: str, values: Sequence[float], others: Sequence[float]) -> Figure:
        value, other = statistics.median(values), statistics.median(others)
        texts = f"{value:.2f}", _LLAMA_BENCH, f"{other:.2f}"
        ratio = statistics.median(a / b for a, b in zip(values, others, strict=True))
        return Figure(what, *texts, round(ratio, 2))

    def planned(what: str, value: float, estimate: float | None) -> Figure:
        if estimate is None:
            return Figure(what, f"{value:.2f}", "the plan says nothing")
        return Figure(
            what, f"{value:.2f}", "planned", f"{estimate:.2f}", round(value / estimate, 2)
        )

    figures = [
        beside(f"weights {layout}: tokens/s of an answer", ours.answer, theirs.answer),
        beside(f"weights {layout}: tokens/s of a prompt", ours.prompt, theirs.prompt),
        planned(f"weights {layout}: tokens/s of an answer", answer, plan.speed.decode),
        planned(f"weights {layout}: tokens/s of a prompt", prompt, plan.speed.prefill),
        Figure(
            f"weights {layout}: tokens/s of an answer",
            f"{answer:.2f}",
            f"reading memory at {read / 1e9:.1f} GB/s",
            f"{ceiling:.2f}",
            round(answer / ceiling, 2),
        ),
        Figure(
            f"weights {layout}: memory of the engine"
            + (", without pages of the file" if plan.repack else ""),
            readable_size(round(resident)),
            "planned, with them" if plan.repack else "planned",
            readable_size(plan.host.used),
            round(resident / plan.host.used, 2),
        ),
        Figure(
            f"weights {layout}: load, the file not in the cache, s",
            f"{statistics.median(ours.load_s):.0f}",
        ),
    ]
    if ours.pressed:
        what = f"weights {layout}: while another program takes {pressure}"
        figures.append(Figure(what, ours.pressed))
    return figures


def _ours(
    model: Path, layout: RepackMode, threads: int, seen: Seen, pressure: int, folder: Path
) -> None:
    """Load, read a prompt, answer, and end."""
    _out_of_cache(model)
    command = [sys.executable, "-m", "localqwq", "serve", str(model), "--ctx", str(CONTEXT)]
    command += ["--threads", str(threads), "--parallel", "1", "--no-store"]
    command += ["--repack", layout]
    url = "http://127.0.0.1"
    with started(command, str(folder / "home")) as run:
        seen.load_s.append(run.seconds_to_health(patience=3600))
        base = f"{url}:{run.port}"
        with httpx2.Client(base_url=base, timeout=3600, trust_env=False) as client:
            _timings(client, 1, 2)  # whatever the first one has to wait for
            seen.prompt.append(_timings(client, PROMPT, 2)["prompt_tps"])
            seen.answer.append(_timings(client, 1, ANSWER)["generate_tps"])
            engine = run.processes[1].memory_info()
            seen.resident.append(engine.rss - (engine.shared if layout == "on" else 0))
            if pressure:
                with _held(pressure):
                    seen.pressed = _beside(client)


def _timings(client: httpx2.Client, prompt: int, tokens: int) -> dict[str, float]:
    """Return what the engine measured of an answer of so many tokens.

    Most tokens of the generated vocabulary have no text, so no client sees when they come.
    """
    body = {
        "messages": _prompt(prompt),
        "max_tokens": tokens,
        "temperature": 0,
        "ignore_eos": True,
    }
    response = client.post("/v1/chat/completions", json=body)
    response.raise_for_status()
    timings: dict[str, float] = response.json()["timings"]
    return timings


def _beside(client: httpx2.Client) -> str:
    """Return what becomes of an answer while another program holds memory."""
    sleep(_HOLD_S)
    available = readable_size(psutil.virtual_memory().available)
    try:
        rate = _timings(client, 1, max(4, ANSWER // 3))["generate_tps"]
    except httpx2.HTTPError as error:
        return f"the answer ends ({type(error).__name__}); {available} left"
    return f"{rate:.2f} tokens/s, {available} left"


def _prompt(tokens: int) -> list[dict[str, str]]:
    """Return messages of about so many tokens, which nobody has sent before.

    The generated vocabulary has hardly any token of several letters.
    """
    text = f"{perf_counter()} {SENTENCE * 10}"
    return [{"role": "user", "content": text[:tokens]}]


@contextmanager
def _held(size: int) -> Iterator[None]:
    """Have another process hold so many bytes of memory."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.kill()


def _theirs(program: Path, model: Path, layout: RepackMode, threads: int, seen: Seen) -> None:
    """Do the same with llama-bench, which loads the model itself."""
    command = [str(program), "-m", str(model), "-t", str(threads), "-r", "1", "-o", "json"]
    command += ["--repack", "1" if layout == "on" else "0"]
    found = subprocess.run(
        [*command, "-p", str(PROMPT), "-n", str(ANSWER)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LD_LIBRARY_PATH": str(program.parent)},
    )
    if found.returncode:
        raise LocalqwqError(f"{_LLAMA_BENCH} failed: {found.stderr.strip()[-300:]}")
    rows = json.loads(found.stdout)
    seen.prompt += [row["avg_ts"] for row in rows if row["n_prompt"]]
    seen.answer += [row["avg_ts"] for row in rows if row["n_gen"]]


def _out_of_cache(path: Path) -> None:
    """Have the system forget the pages of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _read_speed(threads: int) -> float:
    """Return how many bytes a second so many threads read from memory, at best."""
    arrays = [np.ones(_READ // 8, np.int64) for _ in range(threads)]

    def once() -> float:
        workers = [threading.Thread(target=array.sum) for array in arrays]
        began = perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return threads * _READ / (perf_counter() - began)

    return max(once() for _ in range(_READS))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer", type=Path, required=True, help=f"the folder with {_LLAMA_BENCH}")
    parser.add_argument("--folder", type=Path, required=True, help="a folder with room for it")
    parser.add_argument("--layers", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=2, help="turns of each")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False))
    parser.add_argument("--pressure", default="4G", help="what another program takes at the end")
    parser.add_argument("--keep", action="store_true", help="leave the file there")
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
