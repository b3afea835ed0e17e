"""How fast a conversation goes on after its engine was killed, with its KV states on disk.

    python -m bench.sleep [--tokens 2048 8192 32768] [--threads 2] [--record]

An engine reads a history, answers, and answers another turn; each is written behind, and then the
process is killed. A new process loads the model and answers the next turn, once with the states,
which were dropped from the system's cache of files before, and once (the baseline) with an empty
directory. Time counts from the start of loading to the first token. A generated model with 2 KiB of
KV cache a token, so that reading the history is cheap and the states are small; a real model gains
more.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

import psutil

from bench.recording import Figure, record
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.states.store import StateStore
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Finish
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint

LENGTHS = (2048, 8192, 32_768)
MESSAGE = 64
"""Tokens of a new message."""
ANSWER = 16
GIB = 1 << 30
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Turns:
    """What the engine that was killed told before."""

    history_bytes: int
    """Written for the history and its answer."""
    turn_bytes: int
    """Written for the next turn."""
    written: int
    """Tokens on disk."""
    resident: int
    """Bytes of memory of the process, which are free afterwards."""


@dataclass(frozen=True, slots=True)
class Wake:
    """What a new engine did."""

    seconds: float
    """From the start of loading to the first token."""
    cached: int
    """Tokens of the prompt that were not read."""


def text(count: int) -> list[int]:
    """Tokens that every vocabulary has, without a short period."""
    return [5 + place * place % 241 for place in range(count)]


def load(model: Path, states: Path, context: int, threads: int) -> Engine:
    """The engine, which writes as soon as nobody asks."""
    store = StateStore(key="", ram_bytes=GIB, directory=states, disk_bytes=16 * GIB, quiet_s=0)
    return Engine.load(model, LoadOptions(context=context, threads=threads), states=store)


def answer(engine: Engine, count: int, limit: int) -> Finish:
    """Answer after so many tokens of the text."""
    request = GenerationRequest(
        prompt=text(count),
        sampling=Sampling(temperature=0),
        max_tokens=limit,
        ignore_eos=True,
        loop_detection=False,
    )
    *_, last = engine.generate(request)
    assert isinstance(last, Finish)
    return last


def rest(engine: Engine) -> None:
    """Let it write."""
    while engine.step() or engine.pause is not None:
        time.sleep(engine.pause or 0)


def size(states: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in states.glob("*.state"))


def converse(model: Path, states: Path, tokens: int, threads: int, told: Connection) -> None:
    """Answer two turns and tell what they wrote; then wait to be killed."""
    engine = load(model, states, tokens + 1024, threads)
    answer(engine, tokens, ANSWER)
    rest(engine)
    history = size(states)
    answer(engine, tokens + MESSAGE, ANSWER)
    rest(engine)
    resident = psutil.Process().memory_info().rss
    told.send(Turns(history, size(states) - history, tokens + MESSAGE, resident))
    told.poll(None)


def wake(model: Path, states: Path, tokens: int, threads: int, told: Connection) -> None:
    """Load, and answer the turn after those."""
    began = perf_counter()
    engine = load(model, states, tokens + 1024, threads)
    end = answer(engine, tokens + 2 * MESSAGE, 1)
    told.send(Wake(perf_counter() - began, end.usage.cached_tokens))
    told.poll(None)


def told_by(work: Callable[..., None], *arguments: object) -> object:
    """What a process tells, which is killed then."""
    here, there = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=work, args=(*arguments, there), daemon=True)
    process.start()
    there.close()
    try:
        return here.recv()
    finally:
        process.kill()
        process.join()


def drop_from_cache(states: Path) -> None:
    """Have the system forget the files' contents."""
    for path in states.glob("*.state"):
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def measure(model: Path, tokens: int, threads: int) -> tuple[Turns, Wake, Wake]:
    """Converse, be killed, and go on with and without the states."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as empty:
        states = Path(folder)
        turns = told_by(converse, model, states, tokens, threads)
        drop_from_cache(states)
        awake = told_by(wake, model, states, tokens, threads)
        cold = told_by(wake, model, Path(empty), tokens, threads)
    assert isinstance(turns, Turns)
    assert isinstance(awake, Wake)
    assert isinstance(cold, Wake)
    return turns, awake, cold


def figures(tokens: int, turns: Turns, awake: Wake, cold: Wake) -> Sequence[Figure]:
    """The lines of the table."""
    return (
        Figure(
            f"wake to first token after {tokens:,} tokens of history", f"{awake.seconds:.2f} s",
            "cold start that reads them", f"{cold.seconds:.2f} s",
            round(awake.seconds / cold.seconds, 3),
        ),
        Figure(
            f"written for a turn of {MESSAGE + ANSWER} tokens", f"{turns.turn_bytes / MIB:.2f} MiB",
            "the whole conversation", f"{turns.history_bytes / MIB:.1f} MiB",
            round(turns.turn_bytes / turns.history_bytes, 4),
        ),
        Figure("memory that is free meanwhile", f"{turns.resident / MIB:.0f} MiB"),
    )  # fmt: skip


def main() -> None:
    """Measure each length once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tokens", type=int, nargs="+", default=LENGTHS, help="of history")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    kept: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make_checkpoint(
            Path(folder) / "checkpoint",
            layers=4, hidden=512, feed_forward=1536, heads=8, kv_heads=2, context=65_536,
        )  # fmt: skip
        convert(checkpoint, Path(folder) / "pack", ["Q8_0"], name="generated")
        model = Path(folder) / "pack" / "generated-Q8_0.gguf"
        for tokens in arguments.tokens:
            turns, awake, cold = measure(model, tokens, arguments.threads)
            print(
                f"{tokens:6,} tokens: {turns.written - awake.cached} of {turns.written:,} written "
                f"tokens read again after kill -9, {cold.cached} cached without states"
            )
            for figure in figures(tokens, turns, awake, cold):
                compared = f"; {figure.peer}: {figure.peer_value}" if figure.peer else ""
                print(f"  {figure.what}: {figure.value}{compared}")
                kept.append(figure)
    if arguments.record:
        record(
            "sleep", "A conversation goes on after its engine is gone", kept,
            command="python -m bench.sleep --record",
            model="generated, 2 KiB of KV cache a token",
            note="The engine's process is killed after its turns were written behind. Time counts "
            "from loading to the first token.",
        )  # fmt: skip


if __name__ == "__main__":
    main()
