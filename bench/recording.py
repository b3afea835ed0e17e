"""Measurements that are kept: one JSON file in ``bench/results`` for each run that is worth it.

The documentation's tables are drawn from these files (``python -m docs.generator``).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from localqwq.hardware.detection import detect

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure, and what it is compared with."""

    what: str
    value: str
    """With its unit, as it is printed."""
    peer: str = ""
    """What else was measured in the same run; empty: nothing."""
    peer_value: str = ""
    ratio: float | None = None
    """Ours to the peer's."""


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one run of a benchmark."""

    title: str
    command: str
    date: str
    """Of the measurement: YYYY-MM-DD."""
    machine: str
    """The processor, and how much of it was used."""
    llama_cpp: str
    """Version of llama-cpp-python, which brings llama.cpp."""
    figures: tuple[Figure, ...]
    note: str = ""
    """What a reader must know to understand them."""
    model: str = ""
    """The model that was measured, such as ``SmolLM2-135M Q4_1``; empty if none was."""


def record(
    name: str,
    title: str,
    figures: Sequence[Figure],
    *,
    command: str,
    note: str,
    model: str = "",
) -> Path:
    """Write the figures of a run on this machine, today, to ``bench/results/NAME.json``."""
    machine = detect()
    result = Result(
        title=title,
        command=command,
        date=datetime.now(UTC).date().isoformat(),
        machine=f"{machine.cpu_name}, {machine.physical_cores} cores, no GPU",
        llama_cpp=version("llama-cpp-python"),
        figures=tuple(figures),
        note=note,
        model=model,
    )
    path = RESULTS / f"{name}.json"
    text = json.dumps(asdict(result), indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def read_result(path: Path) -> Result:
    """Read one file; raises ``TypeError`` or ``KeyError`` for one of another form."""
    document = json.loads(path.read_text(encoding="utf-8"))
    figures = tuple(Figure(**figure) for figure in document.pop("figures"))
    return Result(figures=figures, **document)
