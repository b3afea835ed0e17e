"""One pass over a checkpoint against the usual two steps, with the same kernels and threads.

    python -m bench.conversion [--scratch DIR] [--layers 24] [--repeat 3] [--threads N]

One pass writes Q4_K_M and Q8_0 straight from the checkpoint. The two steps write a BF16 GGUF first
(with our own converter, which is the faster one) and have ``llama_model_quantize`` make each
quantization of it. The checkpoint is Qwen2.5-0.5B's in outline, with rows that fill K-quants'
blocks, and has half a billion random weights. Both ways run once in each round, each time in a
fresh process, and their medians are compared; the first round only warms up. It needs 5 GB of disk.
"""

import argparse
import ctypes
import filecmp
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.generated import make_random_checkpoint
from localqwq_convert.flow import default_threads
from localqwq_convert.pipeline import convert
from localqwq_convert.recipes import file_type
from localqwq_convert.report import peak_resident_bytes

QUANTIZATIONS = ("Q4_K_M", "Q8_0")
SHAPE: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "max_position_embeddings": 32768,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "vocab_size": 151936,
    "bos_token_id": 256,
    "eos_token_id": 258,
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one way took once."""

    steps: dict[str, float]
    """Seconds of each step."""
    peak: int
    """Largest resident memory in bytes."""

    @property
    def seconds(self) -> float:
        """All steps together."""
        return sum(self.steps.values())


Way = Callable[[Path, Path, int], Run]
"""Converts a checkpoint into an empty directory with so many threads."""


def main() -> int:
    """Measure both ways, and print what they take and their ratio."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(dir=arguments.scratch, prefix="conversion-") as scratch:
        checkpoint = make_random_checkpoint(
            Path(scratch) / "generated", SHAPE | {"num_hidden_layers": arguments.layers}
        )
        runs = measure(checkpoint, Path(scratch), arguments.repeat, arguments.threads)
    medians = {}
    for name, all_runs in runs.items():
        seconds = [run.seconds for run in all_runs]
        medians[name] = statistics.median(seconds)
        peak = max(run.peak for run in all_runs) / 1e6
        steps = ", ".join(
            f"{step} {statistics.median(run.steps[step] for run in all_runs):.1f} s"
            for step in all_runs[0].steps
        )
        spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
        print(f"{name:9} {medians[name]:6.1f} s  ({spread})  {peak:.0f} MB resident  {steps}")
    print(f"one pass takes {medians['one pass'] / medians['two steps']:.3f} of the two steps' time")
    return 0


def measure(checkpoint: Path, scratch: Path, repeat: int, threads: int) -> dict[str, list[Run]]:
    """Both ways in every round, after one round that warms up and compares what they made."""
    ways: dict[str, Way] = {"one pass": one_pass, "two steps": two_steps}
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for turn in range(repeat + 1):
        for name, way in ways.items():
            output = scratch / name
            shutil.rmtree(output, ignore_errors=True)
            # Nobody should have to wait for what another way left to be written.
            os.sync()
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                run = process.submit(way, checkpoint, output, threads).result()
            if turn > 0:
                runs[name].append(run)
        for quantization in QUANTIZATIONS:
            one, other = (scratch / name / f"generated-{quantization}.gguf" for name in ways)
            if not filecmp.cmp(one, other, shallow=False):
                raise SystemExit(f"The two ways made different files of {quantization}.")
    return runs


def one_pass(checkpoint: Path, output: Path, threads: int) -> Run:
    """Every quantization from one read."""
    began = perf_counter()
    convert(checkpoint, output, QUANTIZATIONS, threads=threads)
    return Run({"all": perf_counter() - began}, peak_resident_bytes())


def two_steps(checkpoint: Path, output: Path, threads: int) -> Run:
    """An intermediate file, which is read again for each quantization."""
    import llama_cpp

    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    began = perf_counter()
    intermediate = convert(checkpoint, output, ["BF16"], threads=threads).outputs[0].path
    steps = {"BF16": perf_counter() - began}
    for quantization in QUANTIZATIONS:
        parameters = llama_cpp.llama_model_quantize_default_params()
        parameters.ftype = file_type(quantization)
        parameters.nthread = threads
        target = output / f"generated-{quantization}.gguf"
        began = perf_counter()
        failed = llama_cpp.llama_model_quantize(
            str(intermediate).encode(), str(target).encode(), ctypes.byref(parameters)
        )
        steps[quantization] = perf_counter() - began
        if failed:
            raise RuntimeError(f"llama.cpp cannot make {quantization}")
    return Run(steps, peak_resident_bytes())


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scratch", type=Path, help="where files are made (default: as tempfile)")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=default_threads())
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
