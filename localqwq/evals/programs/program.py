"""What is run to judge a program, and whether its outputs are right; plain values.

Nothing of what is right is given to the program that is judged: its outputs are compared outside.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any

_PREAMBLE = """\
from bisect import *
from collections import *
from copy import *
from datetime import *
from functools import *
from heapq import *
from itertools import *
from math import *
from operator import *
from string import *
from typing import *
from builtins import *
import bisect, collections, copy, datetime, functools, heapq, io, itertools, json, math, operator
import os, random, re, statistics, string, sys, time
sys.setrecursionlimit(50_000)
"""
"""What solutions of programming contests take for granted. Where a module and a function have the
same name, such as ``bisect``, it is the module.
"""
_CALLING = """\
if __name__ == "__main__":
    import json, os, sys
    _arguments = [json.loads(line) for line in sys.stdin.read().split("\\n") if line.strip()]
    _kept = os.dup(1)
    os.dup2(2, 1)
    _called = Solution() if "Solution" in globals() else sys.modules["__main__"]
    _result = json.dumps(getattr(_called, {name!r})(*_arguments))
    sys.stdout.flush()
    os.write(_kept, _result.encode())
"""
_ROOM = 1 << 16
"""Bytes that an output may have beyond twice the right one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a program for one input."""

    code: int | None
    """Its exit code; None if it took too long."""
    output: str


@dataclass(frozen=True, slots=True)
class Cases:
    """Inputs of a program and the outputs that are right."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    function: str | None = None
    """The function to call with the lines of an input as JSON; None for a program that reads stdin
    and writes stdout.
    """

    def program(self, solution: str) -> str:
        """Return what is run for each input."""
        calling = "" if self.function is None else _CALLING.format(name=self.function)
        return f"{_PREAMBLE}\n{solution}\n\n{calling}"

    def most(self) -> list[int]:
        """Return how many bytes each output may have."""
        return [2 * len(output.encode()) + _ROOM for output in self.outputs]

    def verdicts(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Return which outputs are right; what was not run is not."""
        same = _same_lines if self.function is None else _same_json
        return [
            outcome is not None and outcome.code == 0 and same(outcome.output, output)
            for output, outcome in zip_longest(self.outputs, outcomes[: len(self.outputs)])
        ]


def checked_program(before: str, solution: str, tests: str, entry: str, token: str) -> str:
    """Return a program that tests a function itself, and writes ``token`` at its very end.

    The token shows that the tests were passed, rather than left early with an exit code of 0.
    """
    return f"{before}\n{solution}\n{tests}\ncheck({entry})\nprint({token!r})\n"


def is_passed(outcome: Outcome, token: str) -> bool:
    """Return whether a program that tests itself came to its end."""
    return outcome.code == 0 and outcome.output.rstrip("\n").rpartition("\n")[2] == token


def _same_lines(output: str, right: str) -> bool:
    """Compare line by line without the spaces around them, and numbers by their values."""
    mine, theirs = (text.strip().split("\n") for text in (output, right))
    return len(mine) == len(theirs) and all(map(_same_line, mine, theirs))


def _same_line(line: str, right: str) -> bool:
    if line.strip() == right.strip():
        return True
    mine, theirs = _numbers(line), _numbers(right)
    return mine is not None and mine == theirs


def _numbers(line: str) -> list[Decimal] | None:
    try:
        return [Decimal(word) for word in line.split()]
    except InvalidOperation:
        return None


def _same_json(output: str, right: str) -> bool:
    try:
        return bool(_value(output) == _value(right))
    except ValueError:
        return False


def _value(text: str) -> Any:
    return json.loads(text)
