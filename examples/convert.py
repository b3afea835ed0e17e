"""Convert a checkpoint, quantize it twice in one pass, and ask the smaller result.

python -m examples.convert [CHECKPOINT]

CHECKPOINT is the folder of a Hugging Face checkpoint; without it, the built-in one is converted.
"""

import sys
import tempfile
from pathlib import Path

from localqwq import Answer, load
from localqwq.locations import demo_checkpoint
from localqwq_convert.pipeline import convert

QUANTIZATIONS = ["Q8_0", "Q4_K_M"]


def main() -> None:
    """Convert, list what came out, and ask."""
    checkpoint = Path(sys.argv[1]) if len(sys.argv) > 1 else demo_checkpoint()
    with tempfile.TemporaryDirectory() as folder:
        report = convert(checkpoint, Path(folder), QUANTIZATIONS, name="mine")
        for output in report.outputs:
            print(f"{output.quant}: {output.bytes:,} bytes, {output.bits_per_weight:.2f} bits each")
        with load(report.outputs[-1].path) as model:
            events = model.chat([{"role": "user", "content": "What is 12 + 30?"}], temperature=0)
            print("".join(event.text for event in events if isinstance(event, Answer)))


if __name__ == "__main__":
    main()
