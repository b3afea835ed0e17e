"""A small Python for the quick case: Monty, an interpreter without any way to the system.

It has no files, no network, no other programs and few modules: whatever a program names is looked
up among what Monty implements itself. Its worker process keeps a crash from more than the call, has
no environment, and cannot open anything on Linux; it is not in the sandbox, which takes ten times
as long to start and is not there on every machine.
"""

import ast
import importlib.util
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from localqwq.agent.functions import function_tool
from localqwq.agent.sandbox.job import MIB, EndedFor, Ran
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, ToolFailed
from localqwq.agent.tools.programs import result_of
from localqwq.errors import LocalqwqError

SECONDS = 10.0
"""Time of a program."""
MEMORY = 128 * MIB
"""Bytes of its values."""
OUTPUT = MIB
"""Characters that it may print."""
_GRACE = 5.0
"""Seconds after which the worker is killed if it has not noticed the end of the time itself."""
_SPACE = 1024 * MIB
"""Bytes of the worker's address space."""
_NAME = "<program of a model>"
_MODULES = (
    "asyncio, base64, bisect, collections, copy, csv, dataclasses, datetime, decimal, functools, "
    "hashlib, itertools, json, math, random, re, time, typing, unicodedata"
)

# Python warns about doubtful backslashes when it reads a program; the model's are not ours.
warnings.filterwarnings("ignore", module=_NAME)


def python_tool() -> AgentTool:
    """Return the tool; raises :class:`LocalqwqError` if the interpreter is not installed."""
    if importlib.util.find_spec("pydantic_monty") is None:
        raise LocalqwqError(
            "python needs pydantic-monty: pip install 'localqwq[monty]'. Without it, run_code runs "
            "Python in the sandbox."
        )

    def python(
        code: Annotated[
            str, Field(description="A short Python program; print what you need, or end with it.")
        ],
        stop: Stop,
    ) -> str:
        try:
            return result_of(run(code, stop))
        except OSError as error:
            raise ToolFailed(f"The interpreter could not be started: {error}.") from None

    python.__doc__ = (
        "Run a short Python program, for calculations and texts. There are no files, no network "
        f"and no packages, only these modules: {_MODULES}."
    )
    return function_tool(python, long_results=True)


def run(code: str, stop: Stop) -> Ran:
    """Run a program to its end, its limits, or until ``stop`` is set.

    A value that it ends with is printed, as in Python's own prompt.
    """
    from pydantic_monty import Monty, MontyCrashedError, MontyRuntimeError, MontySyntaxError

    workers = Monty(min_processes=1, max_processes=1, request_timeout=SECONDS + _GRACE)
    with (
        workers as pool,
        pool.checkout(
            limits={"max_feed_duration_secs": SECONDS, "max_memory": MEMORY},
            os_policy={"sleep": "zero"},
        ) as session,
    ):
        worker = session.worker_pid
        assert worker is not None
        _confine(worker)

        def end() -> None:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

        written = _Written(end)
        try:
            with stop.calling(end):
                session.feed_run(_printing_its_value(code), print_callback=written.add)
        except MontyCrashedError as crash:
            if written.is_full:
                return Ran(1, written.text, "", "output")
            if stop.is_set:
                return Ran(1, written.text, "", "stopped")
            if crash.timed_out:
                return Ran(1, written.text, "", "time")
            return Ran(1, written.text, "The interpreter has crashed.")
        except (MontyRuntimeError, MontySyntaxError) as error:
            ended_for = _ended_for(error.exception())
            return Ran(1, written.text, "" if ended_for else error.display(), ended_for)
    return Ran(0, written.text, "")


class _Written:
    """What a program has printed, up to a limit, at which it is ended."""

    def __init__(self, end: Callable[[], None]) -> None:
        self.text = ""
        self.is_full = False
        self._end = end

    def add(self, _: Literal["stdout", "stderr"], text: str) -> None:
        if self.is_full:
            return
        self.text += text[: OUTPUT - len(self.text)]
        self.is_full = len(self.text) == OUTPUT
        if self.is_full:
            self._end()


def _ended_for(error: BaseException) -> EndedFor:
    """Return the limit that an error of the program stands for, if it is one of the interpreter."""
    said = str(error)
    if isinstance(error, TimeoutError) and "time limit" in said:
        return "time"
    if isinstance(error, MemoryError) and "memory limit" in said:
        return "memory"
    return ""


def _printing_its_value(code: str) -> str:
    """Return a program that prints the value of the expression at its end, unless that is None.

    Inside, where memory is limited: few values can make a long text. Line numbers stay.
    """
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile(code, _NAME, "exec", flags)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code  # the interpreter says it better
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return f"{code}\nNone"
    lines = code.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    begin = sum(map(len, lines[: last.lineno - 1])) + last.col_offset
    assert last.end_lineno is not None
    assert last.end_col_offset is not None
    end = sum(map(len, lines[: last.end_lineno - 1])) + last.end_col_offset
    whole = b"".join(lines)
    text = b"%b_ = (%b)%b" % (whole[:begin], whole[begin:end], whole[end:])
    shown = text.decode("utf-8", "surrogatepass")
    return f"{shown}\nif _ is not None:\n    print(repr(_))\nNone"


def _confine(worker: int) -> None:
    """Take from a process what it does not need, as far as the system can do that from outside."""
    if sys.platform == "linux":
        for which, most in (
            (resource.RLIMIT_NOFILE, 0),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_CPU, ceil(SECONDS + _GRACE)),
            (resource.RLIMIT_AS, _SPACE),
        ):
            with suppress(ProcessLookupError):  # that is said when it is used
                resource.prlimit(worker, which, (most, most))
