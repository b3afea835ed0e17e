"""What ``localqwq eval`` shows: a line while it runs, and a table at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from localqwq.cli.progress import readable_duration, time_taken
from localqwq.cli.terminal_text import CLEAR_LINE, control
from localqwq.evals.report import Part, Row, differences, rows

if TYPE_CHECKING:
    from localqwq.evals.attempt import Attempt
    from localqwq.evals.statistics import Estimate

_EVERY_S = 0.5
_LINE_EVERY_S = 30.0
"""Seconds between two lines where there is no terminal."""
_WIDTH = 14


class LiveLine:
    """How far a run is, on stderr: one line that changes, or now and then a line."""

    def __init__(self, attempts: Sequence[Attempt], total: int, deadline: float | None) -> None:
        """Set up; ``attempts`` grows while it runs. ``deadline`` is by ``time.monotonic``."""
        self._attempts = attempts
        self._before = len(attempts)
        self._total, self._deadline = total, deadline
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self._shown = self._began
        self._tokens = 0
        self._right = sum(attempt.right for attempt in attempts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            control(sys.stderr, CLEAR_LINE)
            sys.stderr.flush()

    def show(self) -> None:
        """Count the newest attempt, and show where things stand unless that was just shown."""
        newest = self._attempts[-1]
        self._tokens += newest.tokens
        self._right += newest.right
        now = time.monotonic()
        if now - self._shown < (_EVERY_S if self._terminal else _LINE_EVERY_S):
            return
        self._shown = now
        if self._terminal:
            control(sys.stderr, CLEAR_LINE)
        end = "" if self._terminal else "\n"
        print(self._text(now), end=end, file=sys.stderr, flush=True)

    def _text(self, now: float) -> str:
        from localqwq.evals.statistics import wilson

        count = len(self._attempts)
        share = self._right / count
        low, high = wilson(share, count)
        seconds = now - self._began
        ahead = (self._total - count) * seconds / max(1, count - self._before)
        if self._deadline is not None:
            ahead = min(ahead, self._deadline - now)
        of_all = f"{count:,}" if self._deadline is not None else f"{count:,} of {self._total:,}"
        return (
            f"{of_all} answers · {share:.1%} right ± {(high - low) / 2:.1%} · "
            f"{self._tokens / seconds:,.0f} tokens/s · {readable_duration(ahead)} left"
        )


def lines(results: Mapping[str, Sequence[Attempt]]) -> Iterator[str]:
    """Yield the report of all models, and how they differ from the first one."""
    for place, (model, attempts) in enumerate(results.items()):
        if place:
            yield ""
        yield from _table(model, attempts)
    first, *others = results.items()
    for model, attempts in others:
        yield ""
        yield f"{model} beside {first[0]}, on the same problems and seeds:"
        compared = differences(first[1], attempts)
        width = _width(part for part, _, _ in compared)
        for part, problems, found in compared:
            said = "may be chance" if found.low <= 0 <= found.high else "a real difference"
            low, high = 100 * found.low, 100 * found.high
            yield (
                f"  {_named(part):{width}} {100 * found.value:+.1f} points ({low:+.1f} to "
                f"{high:+.1f}) in {problems:,} problems: {said}"
            )


def document(results: Mapping[str, Sequence[Attempt]]) -> dict[str, Any]:
    """Return the report as JSON."""
    first = next(iter(results))
    return {
        "models": {
            model: [row.as_json() for row in rows(attempts)] for model, attempts in results.items()
        },
        "differences": {
            model: [
                {
                    "suite": suite,
                    "budget": budget,
                    "problems": problems,
                    "value": found.value,
                    "low": found.low,
                    "high": found.high,
                }
                for (suite, budget), problems, found in differences(results[first], attempts)
            ]
            for model, attempts in results.items()
            if model != first
        },
    }


def _table(model: str, attempts: Sequence[Attempt]) -> Iterator[str]:
    mean = sum(attempt.seconds for attempt in attempts) / len(attempts)
    yield f"{model}: {len(attempts):,} answers, {time_taken(mean)} each on average"
    found = rows(attempts)
    width = _width((row.suite, row.budget) for row in found)
    yield f"  {'':{width}} right (95 % interval)      problems  answers  tokens of thought"
    for row in found:
        yield (
            f"  {_named((row.suite, row.budget)):{width}} {_percent(row.accuracy):26} "
            f"{row.problems:8,} {row.samples:8,}  "
            f"{row.thought_median:,.0f}, 95 % under {row.thought_most:,.0f}"
        )
        for note in _notes(row):
            yield f"  {'':{width}} {note}"


def _width(parts: Iterable[Part]) -> int:
    """Return the columns that the longest name takes."""
    return max([_WIDTH, *(len(_named(part)) for part in parts)])


def _notes(row: Row) -> Iterator[str]:
    if row.majority is not None:
        yield f"a vote of {row.votes}: {_percent(row.majority)}"
    if row.marks:
        yield " · ".join(f"{name}: {share:.1%}" for name, share in row.marks.items())
    for share, words in (
        (row.out_of_budget, "of the thoughts reached their budget"),
        (row.looping, "kept repeating themselves and were cut"),
        (row.unfinished, "reached the maximum of tokens, or of the context"),
        (row.without_answer, "gave no final answer that could be found"),
    ):
        if share:
            yield f"{share:.1%} {words}"


def _percent(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _named(part: Part) -> str:
    suite, budget = part
    return suite if budget is None else f"{suite} {budget:,}"
