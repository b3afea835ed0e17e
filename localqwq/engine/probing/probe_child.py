"""Measuring in a child process: the order that goes there, and the document that comes back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from localqwq import children
from localqwq.errors import LocalqwqError

Answer = TypeVar("Answer", bound=BaseModel)


def measured(
    child: children.Child, order: Mapping[str, Any], answer: type[Answer], time_limit: float
) -> Answer | None:
    """Return what a child process has measured; ``None`` if it has not, whatever the reason.

    Only an estimate is missing then; a load reports what is wrong. ``time_limit`` in seconds.
    """
    try:
        process = children.run(
            children.command(child, json.dumps(order)),
            timeout=time_limit,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
        )
        process.check_returncode()
        return answer.model_validate_json(process.stdout)
    except (subprocess.SubprocessError, ValidationError):
        return None


def answer_order(measure: Callable[..., Mapping[str, Any]]) -> int:
    """Measure as ordered by the first argument and print the result: the child's end.

    Returns the exit status.
    """
    try:
        print(json.dumps(measure(**json.loads(sys.argv[1]))))
    except LocalqwqError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
