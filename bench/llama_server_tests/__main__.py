"""llama-server's own API tests against localqwq's server, as an independent witness.

    python -m bench.llama_server_tests SDIST MODEL --python PYTHON [--only NAME …] [--table FILE]

SDIST is the source of llama-cpp-python, unpacked (``pip download --no-deps --no-binary
llama-cpp-python llama-cpp-python``); the tests are taken from it as they are, and only what they
start is another server. MODEL is the GGUF file that it serves in place of all of theirs. PYTHON is
an interpreter with what the tests need (``tools/server/tests/requirements.txt``). The table says of
each test that it passes, or why it cannot. It fails where a test fails for no known reason.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.llama_server_tests.reasons import WHOLE_FILES, reason_for

_VENDORED = Path("vendor/llama.cpp")
_HEAD = """\
# llama-server's own API tests

From the source of {sdist}, run as they are against localqwq's server with the demo model
(`python -m bench.llama_server_tests`).
"""
_TESTS = _VENDORED / "tools/server/tests"


@dataclass(slots=True)
class Outcome:
    """Of one test function, with all its parameters."""

    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    """Why not: what each that failed says."""
    reasons: set[str] = field(default_factory=set)
    unexplained: list[str] = field(default_factory=list)


def main() -> int:
    """Run them and write the table; 1 where one fails for no known reason."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = arguments.report
        if report is None or not report.exists():
            report = _run(arguments, Path(folder), report)
        outcomes = _outcomes(report, verbose=arguments.verbose)
    table = "\n".join(_table(outcomes, arguments.sdist / _TESTS / "unit"))
    print(table)
    if arguments.table is not None:
        text = f"{_HEAD.format(sdist=arguments.sdist.name)}\n{table}\n"
        arguments.table.write_text(text, encoding="utf-8")
    return int(any(outcome.unexplained for outcome in outcomes.values()))


def _run(arguments: argparse.Namespace, folder: Path, report: Path | None) -> Path:
    """Run the tests in a copy; where their report is."""
    report = folder / "report.xml" if report is None else report.absolute()
    tests = folder / "tests"
    shutil.copytree(arguments.sdist / _TESTS, tests)
    server = tests / "llama-server"
    stand_in = [sys.executable, "-m", "bench.llama_server_tests.stand_in", str(arguments.model)]
    server.write_text(f'#!/bin/sh\nexec {shlex.join(stand_in)} "$@"\n', encoding="utf-8")
    server.chmod(0o755)
    environment = os.environ | {
        "LLAMA_SERVER_BIN_PATH": str(server),
        "LLAMA_CPP_TEMPLATES": str((arguments.sdist / _VENDORED / "models/templates").absolute()),
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *filter(None, [os.getenv("PYTHONPATH")])]),
    }
    names = arguments.only or sorted(
        path.name for path in (tests / "unit").glob("test_*.py") if path.name not in WHOLE_FILES
    )
    command = [arguments.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--junitxml={report}", *(f"unit/{name}" for name in names)]
    subprocess.run(command, cwd=tests, env=environment, stdout=sys.stderr, check=False)
    return report


def _outcomes(report: Path, *, verbose: bool) -> Mapping[str, Outcome]:
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    for case in ElementTree.parse(report).iter("testcase"):
        file = case.get("classname", "").rpartition(".")[2] + ".py"
        name = case.get("name", "")
        outcome = outcomes[f"{file}::{name.partition('[')[0]}"]
        failure = case.find("failure") if case.find("error") is None else case.find("error")
        if case.find("skipped") is not None:
            outcome.skipped += 1
        elif failure is None:
            outcome.passed += 1
        else:
            said = (failure.get("message") or "").splitlines()[0][:200]
            outcome.failed.append(said)
            reason = reason_for(f"{file}::{name}", said, failure.text or "")
            if reason is None:
                outcome.unexplained.append(f"{name}: {said}")
            else:
                outcome.reasons.add(reason)
            if verbose:
                print(f"{file}::{name}: {said}\n{failure.text}\n", file=sys.stderr)
    return outcomes


def _table(outcomes: Mapping[str, Outcome], unit: Path) -> Iterator[str]:
    yield "| test | passes | of | otherwise |"
    yield "| --- | --- | --- | --- |"
    for name, one in sorted(outcomes.items()):
        count = one.passed + len(one.failed)
        words = [*sorted(one.reasons), *(f"FAILS: {said}" for said in one.unexplained)]
        if one.skipped and not count:
            words.append("skipped by itself (slow, or for the network)")
        text = "; ".join(words).replace("|", "\\|")
        yield f"| `{name}` | {one.passed} | {count} | {text} |"
    for file, reason in WHOLE_FILES.items():
        if (unit / file).exists():
            yield f"| `{file}` | – | – | {reason} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.llama_server_tests",
        description="Runs llama-server's API tests against localqwq's server.",
    )
    parser.add_argument("sdist", type=Path, metavar="SDIST")
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these files of tests")
    parser.add_argument(
        "--report", type=Path, metavar="XML", help="keep pytest's report, or read it"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there as well")
    parser.add_argument("--verbose", action="store_true", help="print each failure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
