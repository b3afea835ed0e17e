"""The conversion of a checkpoint of QwQ-32B's full shape: time, memory and sizes.

    python -m bench.qwq_conversion OUTPUT [--quant Q4_K_M]... [--threads N] [--tokenizer DIR]

The 65.5 GB of the 14 shards are sparse files, which take no disk: every shape, header and byte
count is QwQ's, and the weights are zeros. Only the kernels notice, whose time on zeros is shorter
than on real weights; reading, memory, writing and hashing are those of the real thing. OUTPUT has
to have room for the result. ``--tokenizer`` takes tokenizer and configuration from a real
checkpoint's folder; without it the vocabulary is padding for the most part.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.sizes import readable_size
from localqwq_convert.pipeline import convert
from localqwq_convert.report import Progress
from tests.sparse import QWQ, make_sparse_checkpoint

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")


def main() -> int:
    """Convert, and print what it took."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="qwq-") as scratch:
        checkpoint = make_sparse_checkpoint(
            Path(scratch) / "qwq-32b", configuration(arguments.tokenizer), shards=14
        )
        if arguments.tokenizer:
            for name in TOKENIZER:
                shutil.copy(arguments.tokenizer / name, checkpoint / name)
        try:
            report = convert(
                checkpoint,
                arguments.output,
                arguments.quant or ["Q4_K_M"],
                threads=arguments.threads,
                dry_run=arguments.dry_run,
                progress=print_progress,
            )
        except LocalqwqError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    for output in report.outputs:
        print(
            f"{output.quant:8} {output.bytes:,} bytes, of them tensors "
            f"{output.tensor_bytes / 2**20:,.2f} MiB, {output.bits_per_weight:.2f} bits a weight"
        )
    if report.seconds is not None and report.peak_rss is not None:
        peak = readable_size(report.peak_rss)
        print(f"{report.seconds:.0f} s, at most {peak} resident")
    return 0


def configuration(tokenizer: Path | None) -> dict[str, Any]:
    """QwQ's configuration, with the token ids that its tokenizer has."""
    if tokenizer is None:
        return dict(QWQ)
    config: dict[str, Any] = json.loads((tokenizer / "config.json").read_text(encoding="utf-8"))
    return config


def print_progress(state: Progress) -> None:
    """A line for each of the large tensors."""
    if state.tensor.endswith(("ffn_down.weight", "output.weight", "token_embd.weight")):
        part = state.done_bytes / state.total_bytes
        print(f"\r{part:4.0%} {state.tensor:30}", end="", file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="folder for the pack")
    parser.add_argument("--quant", action="append", help="quantization (default: Q4_K_M)")
    parser.add_argument("--threads", type=int, help="default: all processors")
    parser.add_argument("--tokenizer", metavar="DIR", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="print the sizes and stop")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
