"""Accuracy of the demo model on held-out prompts, through the project's own converter and engine.

``python bench/demo_accuracy.py`` converts ``models/demo`` and prints, for each skill and
quantization, how many of 200 held-out prompts were answered right with greedy decoding.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import cast

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.locations import demo_checkpoint
from localqwq.reasoning.events import Answer, ToolCall
from localqwq.reasoning.messages import Message
from localqwq_convert.pipeline import convert
from models.demo.data import SKILLS, held_out
from models.demo.example import Example

QUANTIZATIONS = ("Q8_0", "Q4_K_M")


def reply(engine: Engine, example: Example, sampling: Sampling) -> tuple[str, str | None]:
    """The answer to an example, and the expression of its calculator call where it made one."""
    request = GenerationRequest(
        messages=cast(list[Message], example.messages),
        tools=example.tools,
        sampling=sampling,
        max_tokens=600,
    )
    answer, expression = "", None
    for event in engine.generate(request):
        if isinstance(event, Answer):
            answer += event.text
        elif isinstance(event, ToolCall):
            expression = json.loads(event.arguments).get("expression")
    return answer, expression


def accuracy(model: Path, examples: list[Example], sampling: Sampling, show_wrong: bool) -> int:
    """How many examples were answered right."""
    right = 0
    with Engine.load(model, LoadOptions(context=2048)) as engine:
        for example in examples:
            answer, expression = reply(engine, example, sampling)
            if example.is_right(answer, expression):
                right += 1
            elif show_wrong:
                print(f"  wrong: {example.messages[-1]['content']!r} -> {answer!r} {expression!r}")
    return right


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="held-out prompts per skill")
    parser.add_argument("--seed", type=int, default=1, help="which prompts are drawn")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy")
    parser.add_argument("--show-wrong", action="store_true")
    args = parser.parse_args()
    sampling = Sampling(temperature=args.temperature, seed=args.seed)
    with tempfile.TemporaryDirectory() as folder:
        convert(demo_checkpoint(), Path(folder), QUANTIZATIONS, name="demo")
        print(f"| skill | {' | '.join(QUANTIZATIONS)} |\n|---|{'---|' * len(QUANTIZATIONS)}")
        for skill in SKILLS:
            examples = held_out(skill, args.n, args.seed)
            cells = []
            for quantization in QUANTIZATIONS:
                model = Path(folder) / f"demo-{quantization}.gguf"
                right = accuracy(model, examples, sampling, args.show_wrong)
                cells.append(f"{100 * right / len(examples):.1f} %")
            print(f"| {skill} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
