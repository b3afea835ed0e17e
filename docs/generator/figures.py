"""The tables of measurements, drawn from ``bench/results/*.json``."""

from collections.abc import Iterator

from bench.recording import RESULTS, Figure, Result, read_result
from docs.generator.markdown import MADE, code, page, table, wrapped

HEADLINES = {
    "server decoding": ("engine_overhead", "server, to a plain HTTP client"),
    "time per token after 4,096 tokens": ("attention", "time per token after 4,096 tokens"),
    "prompt tokens to compute after a message": (
        "turns",
        "prompt tokens computed after a message arrives",
    ),
    "prompt tokens recomputed after a restart": (
        "restart",
        "prompt tokens computed again after a restart",
    ),
    "first token on waking, 8,192 tokens of history": (
        "sleep",
        "wake to first token after 8,192 tokens of history",
    ),
    "over-budget thoughts that end at a sentence or line": (
        "thought_ends",
        "thoughts out of budget that end at a sentence or line",
    ),
    "requests from other websites that are refused": (
        "foreign_pages",
        "requests from foreign web pages that are refused",
    ),
    "largest error of the memory plan": (
        "plan_accuracy",
        "largest error of the allocated memory",
    ),
    "time to convert to Q4_K_M and Q8_0": ("conversion", "time for Q4_K_M and Q8_0"),
    "memory to convert to Q4_K_M and Q8_0": ("conversion", "resident memory"),
    "verified download": ("pull", "4 GiB, hashed and synced to disk"),
    "first frame of the app": ("tui_latency", "first frame after start"),
    "conversation stores damaged in 100 `kill -9` runs": (
        "kills",
        "damaged stores after 100 kills",
    ),
}
"""The figures that the README shows, in its words: the result's file and the figure's words."""
_INTRODUCTION = """\
# Benchmarks

Each figure comes from a script in `bench/` and is kept in `bench/results/` with its date, processor
and version of llama-cpp-python. A ratio is localqwq's figure divided by the one it is compared
with. The machines were shared, so differences of a few hundredths are noise. With `--record`, the
newer scripts write the file themselves; then run `python -m docs.generator`.
"""


def results() -> dict[str, Result]:
    """Return all recorded results by their names."""
    return {path.stem: read_result(path) for path in sorted(RESULTS.glob("*.json"))}


def benchmarks_page() -> str:
    """Return the page of all figures."""
    found = sorted(results().values(), key=lambda result: result.title)
    return page(MADE, _INTRODUCTION, *(part for result in found for part in _result(result)))


def headlines() -> str:
    """Return the README's table of figures."""
    known = results()
    rows: list[tuple[str, ...]] = []
    for words, (name, what) in HEADLINES.items():
        result = known[name]
        figure = next(one for one in result.figures if one.what == what)
        processor = result.machine.partition(",")[0]
        model = result.model.partition(",")[0]
        subject = f"{words} ({model})" if model else words
        rows.append((subject, figure.value, figure.peer, _ratio(figure), processor))
    return table(("", "localqwq", "compared with", "ratio", "processor"), rows)


def _result(result: Result) -> Iterator[str]:
    yield f"## {result.title}"
    versions = f"llama-cpp-python {result.llama_cpp}"
    measured = f"{result.model}, " if result.model else ""
    what = f"{code(result.command)}, {measured}{result.date}, {result.machine}, {versions}."
    yield from map(wrapped, (what, result.note))
    rows = ((figure.what, *_numbers(figure)) for figure in result.figures)
    yield table(("figure", "localqwq", "compared with", "ratio"), rows)


def _numbers(figure: Figure) -> tuple[str, str, str]:
    peer = f"{figure.peer}: {figure.peer_value}" if figure.peer_value else figure.peer
    return figure.value, peer, _ratio(figure)


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{figure.ratio:.2f}"
