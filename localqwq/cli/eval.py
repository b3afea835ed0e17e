"""``localqwq eval``: how often a model is right."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.cli.endpoint_client import endpoint_client
from localqwq.cli.endpoint_options import add_endpoint
from localqwq.cli.launch_options import add_launch_options, launch_options
from localqwq.cli.measuring import keep
from localqwq.cli.progress import ByteProgress
from localqwq.cli.settings import default_endpoint
from localqwq.errors import LocalqwqError
from localqwq.locations import cache_directory, data_directory

if TYPE_CHECKING:
    from localqwq.client.chat_client import ChatClient
    from localqwq.evals.attempt import Attempt
    from localqwq.evals.journal import Journal
    from localqwq.evals.problem import Problem
    from localqwq.evals.suite import Protocol, Suite
    from localqwq.models.launch import Launch
    from localqwq.models.launch_options import LaunchOptions

_PARALLEL = 4
"""Answers drawn at once, unless --parallel says otherwise."""
_DESCRIPTION = """\
Ask a model problems with known answers, and report how often it is right, with the
95 % interval. Published problems are asked with the sampling settings that QwQ's
makers use. Answers are stored as they arrive; --resume continues an interrupted run.

suites:
  aime24, aime25               mathematics; 64 answers to each problem, as QwQ's
                               makers measure
  humaneval, livecodebench     Python programs, which are run on tests in a sandbox
  ifeval                       instructions that a program checks
  bfcl                         function calls; bfcl_simple and others: one category
  arithmetic, decimals, letters
                               generated here, offline
  gym                          reasoning-gym's tasks whose answers are numbers;
                               gym_gcd and others: one task. Needs 'localqwq[gym]'
  livebench                    the part of LiveBench (in --data DIR) that can be judged
                               here; not verified against its own program
  FILE.jsonl                   your own: a prompt and an answer in each line

Several models are compared in pairs, answer by answer."""
_EXAMPLES = """\
examples:
  localqwq eval arithmetic letters decimals demo --minutes 2
  localqwq eval aime24 qwq-32b --samples 4 --minutes 600 --fetch
  localqwq eval aime25 qwq-32b:Q8_0 qwq-32b:Q4_K_M --samples 8
      which of the two is right more often, on the same problems and seeds
  localqwq eval mine.jsonl --endpoint http://127.0.0.1:8080
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, and how."""

    suites: dict[str, list[Problem]]
    protocols: dict[str, Protocol]
    budgets: tuple[int | None, ...]
    parallel: int
    minutes: float | None
    seed: int

    @property
    def answers(self) -> int:
        """The answers of a run that nothing interrupts."""
        problems = sum(
            len(found) * self.protocols[name].samples for name, found in self.suites.items()
        )
        return problems * len(self.budgets)

    def command(self, model: str) -> Iterator[str]:
        """Yield the words of a command that asks a model the same."""
        yield from ("eval", *self.suites, model)
        (samples, *others) = {found.samples for found in self.protocols.values()}
        if not others:
            yield from ("--samples", str(samples))
        yield from ("--limit", str(max(map(len, self.suites.values()))))
        if self.budgets != (None,):
            yield from ("--budgets", ",".join(map(str, self.budgets)))
        if self.minutes is not None:
            yield from ("--minutes", f"{self.minutes:g}")
        yield from ("--seed", str(self.seed))

    def about(self, model: str) -> dict[str, Any]:
        """Return what makes two runs the same one."""
        return {
            "model": model,
            "problems": {name: len(found) for name, found in self.suites.items()},
            "protocols": {name: asdict(found) for name, found in self.protocols.items()},
            "budgets": list(self.budgets),
            "seed": self.seed,
        }


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "eval",
        help="measure how often a model is right",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="SUITE|MODEL",
        help="suites, and the models to ask (default: the model in the settings, else the best "
        "that fits)",
    )
    add_endpoint(parser)
    parser.add_argument(
        "--samples", type=types.whole(1, 10_000), metavar="N", help="answers to each problem"
    )
    parser.add_argument(
        "--limit", type=types.whole(1, 1_000_000), metavar="N", help="problems from each suite"
    )
    parser.add_argument(
        "--minutes",
        type=types.above_zero("minutes"),
        metavar="M",
        help="time for each model; as many answers as it allows, first one to every problem",
    )
    parser.add_argument(
        "--budgets",
        type=types.budgets,
        default=(None,),
        metavar="N,N",
        help="thinking budgets to compare, such as 1k,4k,16k",
    )
    parser.add_argument(
        "--seed",
        type=types.whole(0, 2**31),
        default=1,
        metavar="N",
        help="seed for choosing the problems",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with downloaded problems")
    parser.add_argument(
        "--fetch", action="store_true", help="download published problems that are missing here"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the last run with these options"
    )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    add_launch_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print what came of it."""
    from localqwq.cli.eval_output import document, lines
    from localqwq.evals.suite import is_suite

    suites = [word for word in arguments.words if is_suite(word)]
    models: list[str | None] = [word for word in arguments.words if not is_suite(word)] or [None]
    if not suites:
        raise LocalqwqError(f"{arguments.words[0]} is not a suite: see `localqwq eval --help`.")
    if twice := next((model for model in models if models.count(model) > 1), None):
        raise LocalqwqError(f"{twice} is named twice: a model does not differ from itself.")
    plan = _plan(arguments, suites)
    endpoint = arguments.endpoint or default_endpoint(models[0])
    results: dict[str, list[Attempt]] = {}
    asked: AbstractAsyncContextManager[tuple[ChatClient, str | None]]
    for model in models:
        if endpoint:
            asked = endpoint_client(endpoint, model, arguments.opens_thought)
            name, attempts = asyncio.run(_evaluate(plan, asked, resume=arguments.resume))
        else:
            planned = _planned(model, replace(launch_options(arguments), parallel=plan.parallel))
            asked = _local(planned)
            name, attempts = asyncio.run(_evaluate(plan, asked, resume=arguments.resume))
            _keep(plan, planned, attempts)
        results[name] = attempts
    if arguments.json:
        print(json.dumps(document(results), ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines(results)))
    return 0


def _plan(arguments: argparse.Namespace, words: Sequence[str]) -> Plan:
    from localqwq.evals.suite import suites_of

    suites, protocols = {}, {}
    for suite in suites_of(words):
        suites[suite.name] = _problems(arguments, suite)
        usual = suite.protocol
        protocols[suite.name] = replace(usual, samples=arguments.samples or usual.samples)
    return Plan(
        suites=suites,
        protocols=protocols,
        budgets=arguments.budgets,
        parallel=arguments.parallel or _PARALLEL,
        minutes=arguments.minutes,
        seed=arguments.seed,
    )


def _problems(arguments: argparse.Namespace, suite: Suite) -> list[Problem]:
    from localqwq.cli.pull import Watcher
    from localqwq.evals.published import Data
    from localqwq.evals.suite import problems_of

    limit = arguments.limit or (None if arguments.minutes else suite.usual)
    cache = cache_directory() / "evaluations"
    with ByteProgress(f"fetching tests of {suite.name}") as bar:
        data = Data(
            cache, arguments.data, fetch=arguments.fetch, on_progress=Watcher(bar), say=_say
        )
        return problems_of(suite, data, arguments.seed, limit)


async def _evaluate(
    plan: Plan, asked: AbstractAsyncContextManager[tuple[ChatClient, str | None]], *, resume: bool
) -> tuple[str, list[Attempt]]:
    """Return the name of the model and what came of all samples, earlier ones included."""
    from localqwq.cli.eval_output import LiveLine
    from localqwq.evals.attempt import tasks
    from localqwq.evals.journal import Journal
    from localqwq.evals.runner import Runner
    from localqwq.verdicts.mathematics import Mathematics

    async with asked as (client, known):
        name = known or "default"
        about = plan.about(name)
        journal = Journal(_journal_path(name, about, resume=resume), about)
        done = {attempt.key for attempt in journal.attempts}
        samples = {suite: found.samples for suite, found in plan.protocols.items()}
        wanted = tasks(plan.suites, samples, plan.budgets)
        deadline = None if plan.minutes is None else time.monotonic() + 60 * plan.minutes
        with (
            _telling_what_is_kept(journal, plan.answers),
            Mathematics() as mathematics,
            LiveLine(journal.attempts, plan.answers, deadline) as line,
        ):
            runner = Runner(client, name, plan.protocols, mathematics.same_value)

            def take(attempt: Attempt) -> None:
                journal.add(attempt)
                line.show()

            left = (task for task in wanted if task.key not in done)
            await runner.run(left, plan.parallel, deadline, take)
        _tell_of_cut(runner.cut, journal)
        return name, journal.attempts


@contextmanager
def _telling_what_is_kept(journal: Journal, wanted: int) -> Iterator[None]:
    """Say on Ctrl+C that the answers so far are not lost."""
    try:
        yield
    except asyncio.CancelledError:  # which is how Ctrl+C comes here
        count = len(journal.attempts)
        if count:
            kept = "is" if count == 1 else "are"
            _say(f"{count} of {wanted} answers {kept} kept; --resume goes on with the rest.")
        else:
            _say(f"None of {wanted} answers was finished, so nothing is kept.")
        raise


def _tell_of_cut(count: int, journal: Journal) -> None:
    if count:
        said = "1 answer was" if count == 1 else f"{count} answers were"
        print(f"{said} not finished when the time was over; --resume adds them.", file=sys.stderr)
    if not journal.attempts:
        raise LocalqwqError("The time was over before the first answer: give more --minutes.")


def _planned(model: str | None, options: LaunchOptions) -> Launch:
    """Return how to load a model; no smaller quantization replaces it if memory runs out."""
    from localqwq.cli.model_offer import resolved_or_pulled
    from localqwq.models.launching import launch

    return replace(launch(resolved_or_pulled(model), options, keep_states=False), smaller=())


@asynccontextmanager
async def _local(planned: Launch) -> AsyncIterator[tuple[ChatClient, str | None]]:
    from localqwq.cli.local_client import local_client

    _say(f"Loading {planned.name} …")
    async with local_client(planned, _say) as client:
        yield client, planned.name


def _keep(plan: Plan, planned: Launch, attempts: Sequence[Attempt]) -> None:
    """Write what was found into the pack's manifest, if the model is in one."""
    from localqwq.evals.card_figures import figures_of
    from localqwq.evals.report import rows
    from localqwq.hardware.detection import detect
    from localqwq.packs.recording import circumstances, owner_of

    owner = owner_of(planned.model)
    if owner is None:
        return
    about = circumstances(planned.machine or detect(), plan.command(planned.name))
    found = figures_of(rows(attempts), plan.protocols, plan.seed, owner.quant, about)
    keep(owner.folder, found)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _journal_path(model: str, about: dict[str, Any], *, resume: bool) -> Path:
    """Return the file of a new run, or with ``resume`` the newest one of the same kind."""
    folder = data_directory() / "evaluations"
    plain = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in model)
    kind = zlib.crc32(json.dumps(about, sort_keys=True).encode())
    stem = f"{plain}-{kind:08x}"
    if resume and (known := sorted(folder.glob(f"{stem}-*.jsonl"))):
        return known[-1]
    return folder / f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.jsonl"
