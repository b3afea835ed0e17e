"""The agent: how often its answers are right, and what the loop and the sandbox cost.

    python -m bench.agent [--products 200] [--seed 1] [--record]

Held-out products of the demo go through the whole loop with the built-in calculator, greedily. The
loop's own time is what is left of a turn without the model and the tools. A sandboxed call is a
Python that prints a number, from its start until nothing of it is left; beside it the same by the
tool ``python``, whose interpreter starts for each call, too.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import cast

from bench.recording import Figure, record
from localqwq.agent.builtin import agent_tools
from localqwq.agent.events import AgentFinish
from localqwq.agent.permission import Permissions
from localqwq.agent.running import run
from localqwq.agent.sandbox.choosing import installed
from localqwq.agent.sandbox.job import Job
from localqwq.agent.sandbox.process import run as run_job
from localqwq.agent.sandbox.scratch import interpreter, sandbox_user, scratch_folder
from localqwq.agent.stop import Stop
from localqwq.agent.tools.calculator import value_of
from localqwq.agent.turn import AgentTurn
from localqwq.api import LocalModel, load
from localqwq.evals.statistics import wilson
from localqwq.locations import demo_checkpoint
from localqwq.reasoning.events import Answer, Event
from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.turn_thoughts import KEEP
from localqwq_convert.pipeline import convert
from models.demo.data import held_out


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one product."""

    right: bool
    rounds: int
    own_seconds: float
    """The turn's time without the model and the tools."""


async def outcome(
    model: LocalModel, messages: Sequence[Message], product: str, *, keep: bool
) -> Outcome:
    """Answer one prompt."""
    turn = AgentTurn(messages, agent_tools(["calculator"]))
    in_model = 0.0

    async def chat(
        now: Sequence[Message], definitions: Sequence[Tool]
    ) -> AsyncGenerator[Event, None]:
        nonlocal in_model
        began = perf_counter()
        for event in list(
            model.chat(now, tools=definitions, temperature=0, chat_template_kwargs={KEEP: keep})
        ):
            in_model += perf_counter() - began
            yield event
            began = perf_counter()

    answer, steps, rounds = "", 0.0, 0
    began = perf_counter()
    async for event in run(turn, chat, Permissions().decide):
        if isinstance(event, Answer):
            answer += event.text
        elif isinstance(event, AgentFinish):
            steps, rounds = sum(step.seconds for step in event.steps), event.rounds
    own = perf_counter() - began - in_model - steps
    return Outcome(product in answer.replace(",", ""), rounds, own)


def products(count: int, seed: int) -> list[tuple[list[Message], str]]:
    """Return prompts, each with its product."""
    # About half of the examples have no calculator, or continue behind its result.
    found = [
        (cast(list[Message], example.messages), str(value_of(example.expression)))
        for example in held_out("tool", 4 * count, seed)
        if example.expression is not None
    ]
    return found[:count]


def figures_of(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Return the figures of the loop."""
    right = statistics.fmean(one.right for one in outcomes)
    low, high = wilson(right, len(outcomes))
    shown = f"{right:.1%} ({low:.1%} to {high:.1%}) of {len(outcomes)}"
    own = sorted(1000 * one.own_seconds / one.rounds for one in outcomes)
    return [
        Figure("held-out products answered right", shown),
        Figure("the loop's own time in a round, median", f"{statistics.median(own):.2f} ms"),
        Figure(
            "the loop's own time in a round, 95th percentile", f"{own[len(own) * 95 // 100]:.2f} ms"
        ),
    ]


def sandbox_figures(calls: int) -> list[Figure]:
    """Return how long a call takes in each sandbox of this machine."""
    python = interpreter()
    assert python is not None
    found = []
    for backend in installed():
        seconds = []
        for _ in range(calls):
            user = sandbox_user()
            with scratch_folder(user) as scratch:
                words = (*python.words, "-c", "print(1)")
                began = perf_counter()
                ran = run_job(Job(words, backend, scratch, python.folders, user=user))
                seconds.append(1000 * (perf_counter() - began))
                assert ran.output == "1\n", ran
        middle, longest = statistics.median(seconds), max(seconds)
        value = f"{middle:.0f} ms (longest of {calls}: {longest:.0f} ms)"
        found.append(Figure(f"a Python in {backend}, median", value))
    return found


def interpreter_figure(calls: int) -> Figure:
    """Return how long a call of the tool ``python`` takes."""
    [tool] = agent_tools(["python"])
    tool.run({"code": "print(1)"}, Stop())  # the first one imports the library
    seconds = []
    for _ in range(calls):
        began = perf_counter()
        assert tool.run({"code": "print(1)"}, Stop()) == "1"
        seconds.append(1000 * (perf_counter() - began))
    middle, longest = statistics.median(seconds), max(seconds)
    value = f"{middle:.0f} ms (longest of {calls}: {longest:.0f} ms)"
    return Figure("the tool python, median", value)


async def measured(
    model: LocalModel, drawn: Sequence[tuple[list[Message], str]], *, keep: bool
) -> list[Outcome]:
    """Answer all prompts, one after the other."""
    return [await outcome(model, messages, product, keep=keep) for messages, product in drawn]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="which products are drawn")
    parser.add_argument("--calls", type=int, default=20, help="in each sandbox")
    parser.add_argument(
        "--keep-thoughts", action="store_true", help="also with a template that leaves them out"
    )
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        convert(demo_checkpoint(), Path(folder), ("Q8_0",), name="demo")
        with load(Path(folder) / "demo-Q8_0.gguf", context=2048) as model:
            outcomes = asyncio.run(
                measured(
                    model,
                    products(arguments.products, arguments.seed),
                    keep=arguments.keep_thoughts,
                )
            )
    figures = [
        *figures_of(outcomes),
        *sandbox_figures(arguments.calls),
        interpreter_figure(arguments.calls),
    ]
    for figure in figures:
        print(f"{figure.what:52} {figure.value}", flush=True)
    if arguments.record:
        record(
            "agent",
            "Tools",
            figures,
            command=f"python -m bench.agent --products {arguments.products} --record",
            note="Greedy decoding, the built-in calculator, every call through the whole loop.",
            model="demo",
        )


if __name__ == "__main__":
    main()
