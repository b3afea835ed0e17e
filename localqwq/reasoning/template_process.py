"""Rendering chat templates for another process.

    python -m localqwq.reasoning.template_process SECONDS

JSON documents come in and go out, one per line, until stdin ends. A template is a program from a
downloaded file, and even in Jinja's sandbox it can take all memory (``'x' * 10 ** 10``) or loop
forever. Here both end only this process, the latter after ``SECONDS`` of processor time.
"""

import contextlib
import json
import resource
import sys
import time
from dataclasses import asdict
from math import ceil
from typing import Any

from localqwq import children
from localqwq.errors import LocalqwqError
from localqwq.reasoning.template import render
from localqwq.reasoning.template_probe import traits_of

MEMORY = 1024**3
"""Memory limit in bytes."""


def answer(line: str) -> dict[str, Any]:
    """Return the ``prompt`` for the request in a line, or the ``error``.

    For a request about what a template supports, return the ``traits``.
    """
    try:
        request = json.loads(line)
        if "probe" in request:
            return {"traits": asdict(traits_of(request["probe"]))}
        return {"prompt": render(**request)}
    except LocalqwqError as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "The messages or the tools are nested too deeply; simplify them."}


def main() -> None:
    """Answer each line until stdin ends."""
    children.wake_with_parent()
    seconds = int(sys.argv[1])
    children.bound_memory(MEMORY)
    for line in sys.stdin:
        _limit_time(seconds)
        print(json.dumps(answer(line)), flush=True)  # ASCII, so lone surrogates survive


def _limit_time(seconds: int) -> None:
    """Limit the processor time from now on: the parent enforces its own limit, but may have
    ended.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (ceil(time.process_time()) + seconds, most))


if __name__ == "__main__":
    main()
