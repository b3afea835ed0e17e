"""What a vote is worth, and what it costs: the demo's own problems with 1, 4 and 8 thoughts.

    python -m bench.vote [--problems 100] [--temperature 1.6] [--record]

For each number of thoughts: the share of problems whose winning answer is right, tokens and seconds
a problem, tokens per second of all thoughts together, and how often the answers of those that agree
by half or less, or by more, are right: what the agreement says about the truth. The thoughts are
drawn at a high temperature, at which the demo errs.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter

from bench.recording import Figure, record
from localqwq.client.collected import Collected
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.evals.generated import arithmetic, decimals, letters
from localqwq.evals.problem import Problem
from localqwq.evals.statistics import wilson
from localqwq.evals.verdict import judge
from localqwq.gguf.sampling import Sampling
from localqwq.locations import demo_checkpoint
from localqwq.verdicts.vote import Vote
from localqwq_convert.pipeline import convert

THOUGHTS = (1, 4, 8)
_MAX_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one vote."""

    right: bool
    agreement: float
    """The share of the answers that agree."""
    tokens: int
    seconds: float


def voted(engine: Engine, problem: Problem, thoughts: int, temperature: float) -> Outcome:
    """The outcome of a vote on a problem."""
    began = perf_counter()
    answers = [Collected() for _ in range(thoughts)]
    generations = [
        engine.submit(
            engine.prepare(
                GenerationRequest(
                    [{"role": "user", "content": problem.prompt}],
                    sampling=Sampling(temperature=temperature, top_p=1.0, seed=seed),
                    max_tokens=_MAX_TOKENS,
                )
            )
        )
        for seed in range(thoughts)
    ]
    while not all(generation.done for generation in generations):
        engine.step()
        for answer, generation in zip(answers, generations, strict=True):
            for event in generation.take():
                answer.take(event)
    vote = Vote(thoughts)
    for answer in answers:
        vote.add(answer.answer)
    first = vote.groups[0].answers
    return Outcome(
        right=judge(problem, answers[first[0]].answer, lambda one, other: one == other).right,
        agreement=len(first) / thoughts,
        tokens=sum(answer.finish.usage.completion_tokens for answer in answers if answer.finish),
        seconds=perf_counter() - began,
    )


def shown(outcomes: Sequence[Outcome]) -> str:
    """The share that is right, with its interval."""
    if not outcomes:
        return "none"
    share = statistics.fmean(outcome.right for outcome in outcomes)
    low, high = wilson(share, len(outcomes))
    return f"{share:.1%} ({low:.1%} to {high:.1%}) of {len(outcomes)}"


def figures_of(engine: Engine, problems: Sequence[Problem], temperature: float) -> list[Figure]:
    """Measure every number of thoughts, and print what comes of it."""
    found: list[Figure] = []
    alone = 0.0
    for thoughts in THOUGHTS:
        outcomes = [voted(engine, problem, thoughts, temperature) for problem in problems]
        seconds = sum(outcome.seconds for outcome in outcomes)
        tokens = sum(outcome.tokens for outcome in outcomes)
        rate = tokens / seconds
        alone = alone or rate
        name = f"{thoughts} thoughts" if thoughts > 1 else "1 thought"
        rows = [
            (f"{name}: right", shown(outcomes)),
            (f"{name}: tokens a problem", f"{tokens / len(outcomes):.0f}"),
            (f"{name}: seconds a problem", f"{seconds / len(outcomes):.2f} s"),
            (f"{name}: tokens/s together, beside one", f"{rate:.0f} ({rate / alone:.2f} ×)"),
        ]
        if thoughts > 1:
            agreeing = [outcome for outcome in outcomes if outcome.agreement > 0.5]
            others = [outcome for outcome in outcomes if outcome.agreement <= 0.5]
            rows.append((f"{name}: right where more than half agree", shown(agreeing)))
            rows.append((f"{name}: right where half or fewer agree", shown(others)))
        for what, value in rows:
            print(f"{what:48} {value}", flush=True)
            found.append(Figure(what, value))
    return found


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--problems", type=int, default=100, help="of each kind")
    parser.add_argument("--temperature", type=float, default=1.6)
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    kinds = (arithmetic, decimals, letters)
    problems = [problem for draw in kinds for problem in islice(draw(1), arguments.problems)]
    with tempfile.TemporaryDirectory() as folder:
        convert(demo_checkpoint(), Path(folder), ("Q8_0",), name="demo")
        options = LoadOptions(context=2048, parallel=THOUGHTS[-1])
        with Engine.load(Path(folder) / "demo-Q8_0.gguf", options) as engine:
            figures = figures_of(engine, problems, arguments.temperature)
    if arguments.record:
        record(
            "vote",
            "A vote of several thoughts",
            figures,
            command=f"python -m bench.vote --problems {arguments.problems} --record",
            note=f"Arithmetic, decimals and letters, at temperature {arguments.temperature:g}.",
            model="demo",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
