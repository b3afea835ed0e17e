"""The tool ``python``: an interpreter that has nothing to reach the system with."""

import importlib.util
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from localqwq.agent.builtin import builtin_tools
from localqwq.agent.sandbox.job import MIB, Ran
from localqwq.agent.stop import Stop
from localqwq.agent.tool import Effect, ToolFailed, ToolTimedOut
from localqwq.agent.tools import small_python
from localqwq.errors import LocalqwqError
from tests.agent.escapes import ATTEMPTS
from tests.agent.targets import SECRET, Target, nobody_came


def call(code: str, stop: Stop | None = None) -> str:
    """The result of a call."""
    [tool] = builtin_tools(["python"])
    return tool.run(tool.check({"code": code}), stop or Stop())


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("47 * 86", "4042"),
        ("print('so'); sum(range(10)) ; # all", "so\n45"),
        ("x = 'ä' * 3\nx", "'äää'"),
        ("(1\n+ 2)", "3"),
        ("print(1)", "1"),
        ("_ = 5\n_", "5"),
        ("if True:\n    5", "It wrote nothing."),
        ("", "It wrote nothing."),
        ("async def f(): return 7\nawait f()", "7"),
        ("import json, math\njson.dumps([math.floor(2.5)])", "'[2]'"),
        ("import time\ntime.sleep(1e6)\n'slept'", "'slept'"),
        ("'''two\nlines'''", "'two\\nlines'"),
    ],
)
def test_results(code: str, result: str) -> None:
    """What is printed, and the value at the end."""
    assert call(code) == result


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('before')\n1 / 0", r"^before\nstderr:\n.*line 2.*ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("import numpy", "No module named 'numpy'"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("'" + chr(0xD800) + "'", "lone surrogates"),
        ("-" * 50_000 + "1", "too deeply nested"),
        ("1" + "+1" * 50_000, "SyntaxError"),
        ("[" * 3_000, "SyntaxError"),
        ("[0] * 10**9", "too much memory"),
        ("x = [0] * 10\nfor _ in range(7): x = [x] * 10\nx", "too much memory"),
        ("2 ** 10**10", "too much memory"),
        ("f'{1:>9999999999}'", "."),
        ("'%9999999999d' % 1", "."),
        ("import math\nmath.factorial(10**9)", "."),
        ("from decimal import *\ngetcontext().prec = 10**9\nDecimal(1) / 3", "."),
        ("import json\njson.loads('[' * 10**6)", "."),
        ("x = []\nwhile True: x.append('x' * 10**5)", "too much memory"),
    ],
)
def test_errors(code: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are told, and programs that need too much memory end for that reason."""
    monkeypatch.setattr(small_python, "SECONDS", 60.0)
    with pytest.raises(ToolFailed) as failure:
        call(code)
    assert re.search(said, str(failure.value), re.DOTALL)


def test_endless_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their time is limited, and what they print."""
    monkeypatch.setattr(small_python, "SECONDS", 0.5)
    for code in (
        "while True: pass",
        "try:\n    while True: pass\nexcept BaseException: print('caught')",
        "sum(x for x in iter(int, 1))",
    ):
        with pytest.raises(ToolTimedOut, match=r"^It took too long and was ended\.$"):
            call(code)
    monkeypatch.setattr(small_python, "SECONDS", 60.0)
    with pytest.raises(ToolFailed) as flood:
        call("while True: print('x' * 999)")
    assert str(flood.value).endswith("\nIt wrote too much and was ended; this is the beginning.")
    assert small_python.OUTPUT <= len(str(flood.value)) < small_python.OUTPUT + 100


def running(code: str, act: Callable[[psutil.Process, Stop], object]) -> Ran:
    """What comes of a program, while something is done to its worker."""
    stop, found = Stop(), list[Ran]()
    thread = threading.Thread(target=lambda: found.append(small_python.run(code, stop)))
    known = set(psutil.Process().children())
    thread.start()
    try:
        while not (workers := set(psutil.Process().children()) - known):
            assert thread.is_alive()
            time.sleep(0.01)
        act(workers.pop(), stop)
    finally:
        stop.set()
        thread.join()
    return found[0]


def test_what_nobody_awaits() -> None:
    """It is ended at once."""
    assert running("while True: pass", lambda _, stop: stop.set()).ended_for == "stopped"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's")
def test_the_worker_is_confined() -> None:
    """It has no environment, opens nothing, writes no file, and has a bounded memory."""
    seen: dict[str, str] = {}

    def look(worker: psutil.Process, _: Stop) -> None:
        limits = Path(f"/proc/{worker.pid}/limits")
        while not re.search(r"address space +\d", text := limits.read_text()):
            time.sleep(0.01)  # which is the last limit
        seen["environment"] = Path(f"/proc/{worker.pid}/environ").read_text()
        seen["limits"] = text

    running("while True: pass", look)
    assert seen["environment"] == ""
    for limit in ("open files", "file size", "core file size"):
        assert re.search(rf"^Max {limit} +0 +0 ", seen["limits"], re.MULTILINE)
    assert re.search(rf"^Max address space +{1024 * MIB} ", seen["limits"], re.MULTILINE)


def test_an_interpreter_that_crashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs the call and nothing else."""
    # A limit of the processor's time that the system enforces before the interpreter does.
    monkeypatch.setattr(small_python, "_GRACE", -59.0)
    monkeypatch.setattr(small_python, "SECONDS", 60.0)
    with pytest.raises(ToolFailed, match=r"crashed|took too long"):
        call("while True: pass")
    monkeypatch.undo()
    assert call("1 + 1") == "2"


_PRELUDE = """
import json
told = json.loads({told!r})
outside, opened, port, victim = told['outside'], told['opened'], told['port'], told['victim']
numbers, pad = told['numbers'], b'0' * 4096
{imports}
try:
    library = ctypes.CDLL(None)
except NameError:
    pass

def call(which, *arguments):
    number = numbers[which] if isinstance(which, str) else which
    assert library.syscall(number, *arguments) >= 0

def left_in(folder):
    open(folder + '/' + told['left'], 'w')

def linked(path):
    os.symlink(path, 'link')
    return 'link'

def entered(path):
    os.chdir(path)
    return '.'

kept = set()
"""
_IMPORTS = (
    *("contextlib", "ctypes", "errno", "fcntl", "mmap", "os", "resource", "signal", "socket"),
    *("subprocess", "sys", "pathlib", "builtins", "importlib", "gc", "inspect", "io", "marshal"),
    *("pickle", "posix", "shutil", "threading", "types"),
)
_OWN = {
    "open by a path": "import pathlib\npathlib.Path(outside + '/secret').read_text()",
    "write by a path": "import pathlib\npathlib.Path(outside + '/new').write_text('x')",
    "a folder by a path": "import pathlib\nassert list(pathlib.Path(outside).iterdir())",
    "whether it exists": "import pathlib\nassert pathlib.Path(outside).exists()",
    "the variables": "import os\nassert told['secret'] in str(os.environ)",
    "a variable": "import os\nassert os.getenv('LOCALQWQ_TEST_SECRET') == told['secret']",
    "a program by os": "import os\nassert os.system('true') == 0",
    "an import by name": "__import__('os').listdir(outside)",
    "all classes": "assert len(().__class__.__base__.__subclasses__()) > 100",
    "a function's globals": "(lambda: 0).__globals__['__builtins__']",
    "a function's code": "(lambda: 0).__code__.replace(co_code=b'')",
    "a frame": "import sys\nsys._getframe().f_back.f_globals",
    "a traceback's frame": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
        "    error.__traceback__.tb_frame.f_globals['__builtins__'].open"
    ),
    "modules": "import sys\nsys.modules['os'].system('true')",
    "a format": "assert '{0.__class__.__init__.__globals__}'.format(told)",
    "evaluation": "eval('open(outside).read()')",
    "execution": "exec('import subprocess; subprocess.run([\\'true\\'])')",
    "a compiled text": "exec(compile('import socket', 'x', 'exec'))",
    "a type of types": "type('X', (), {'__del__': lambda self: open(outside)})().__class__.mro()",
    "a pickle": "import pickle\npickle.loads(b'cos\\nsystem\\n(S\\'true\\'\\ntR.')",
    "a breakpoint": "breakpoint()",
    "input": "input()",
    "an end of all": "import os\nos._exit(0)",
    "another descriptor": "import os\nos.write(1, b'x')",
}


def test_nothing_gets_out(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is attempted in a sandbox, and what is peculiar to interpreters."""
    monkeypatch.setenv("LOCALQWQ_TEST_SECRET", SECRET)
    before, priority = target.state(), os.getpriority(os.PRIO_PROCESS, target.victim.pid)
    told = {name: one for name, one in target.told(confined=True).items() if name != "attempts"}
    tried = "\n".join(f"try: import {name}\nexcept ImportError: pass" for name in _IMPORTS)
    prelude = _PRELUDE.format(told=json.dumps(told), imports=tried)
    assert call(prelude + "\nprint('told', port)").startswith("told")
    got_out = []
    for name, code in [*((one.name, one.code) for one in ATTEMPTS), *_OWN.items()]:
        ran = small_python.run(f"{prelude}\n{code}\n", Stop())
        if ran.code == 0:
            got_out.append(name)
        assert "a secret" not in ran.output + ran.errors
    assert got_out == []
    assert target.state() == before
    left = f"left-{Path(target.beside).name}"
    assert not [folder for folder in ("/tmp", "/dev/shm") if Path(folder, left).exists()]
    assert target.victim.poll() is None
    assert os.getpriority(os.PRIO_PROCESS, target.victim.pid) == priority
    assert all(map(nobody_came, target.listening))


def test_without_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says how to get it, and what else there is."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalqwqError) as refusal:
        builtin_tools(["python"])
    assert "pip install 'localqwq[monty]'" in str(refusal.value)
    assert "run_code" in str(refusal.value)


def test_nobody_is_asked() -> None:
    """It only computes."""
    [tool] = builtin_tools(["python"])
    assert tool.effect is Effect.NONE
    assert tool.long_results
