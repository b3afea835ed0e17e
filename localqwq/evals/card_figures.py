"""How often a model was right, as a pack's manifest states it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from localqwq.evals.report import Row
from localqwq.evals.suite import Protocol
from localqwq.packs.figures import Evaluation, Figures
from localqwq.packs.recording import plain


def figures_of(
    rows: Iterable[Row],
    protocols: Mapping[str, Protocol],
    seed: int,
    quant: str,
    circumstances: Mapping[str, str],
) -> Figures:
    """Return the rows of a report; ``protocols``: how answers were drawn, by suite."""
    about = {**circumstances, "quant": quant, "seed": seed}
    return Figures(evaluations=[_evaluation(row, protocols[row.suite], about) for row in rows])


def _evaluation(row: Row, protocol: Protocol, about: Mapping[str, object]) -> Evaluation:
    values: dict[str, object] = {
        **about,
        "suite": plain(Path(row.suite).name),
        "budget": row.budget,
        "problems": row.problems,
        "answers": row.samples,
        "accuracy": row.accuracy.value,
        "low": row.accuracy.low,
        "high": row.accuracy.high,
        "thought_median": row.thought_median,
        "thought_most": float(row.thought_most),
        "temperature": protocol.temperature,
        "top_p": protocol.top_p,
        "top_k": protocol.top_k,
        "max_tokens": protocol.max_tokens,
    }
    if row.majority is not None:
        values |= {
            "votes": row.votes,
            "majority": row.majority.value,
            "majority_low": row.majority.low,
            "majority_high": row.majority.high,
        }
    return Evaluation.model_validate(values)
