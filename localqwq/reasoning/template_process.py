"""Renders chat templates for another process.

    python -m localqwq.reasoning.template_process SECONDS

One JSON document a line comes in and one goes out, until stdin ends. A template is a program out of
a downloaded file, and within Jinja's sandbox it can still take all memory (``'x' * 10 ** 10``) or
loop for ever. Here both end this process only, the latter after so many seconds of processor time.
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
"""Bytes."""


def answer(line: str) -> dict[str, Any]:
    """The ``prompt`` of the request in a line, or the ``error`` that there was.

    To one that asks what a template takes, the ``traits``.
    """
    try:
        request = json.loads(line)
        if "probe" in request:
            return {"traits": asdict(traits_of(request["probe"]))}
        return {"prompt": render(**request)}
    except LocalqwqError as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "The messages or the tools nest too deeply; simplify them."}


def main() -> None:
    """Answer each line until stdin ends."""
    children.wake_with_parent()
    seconds = int(sys.argv[1])
    children.bound_memory(MEMORY)
    for line in sys.stdin:
        _limit_time(seconds)
        print(json.dumps(answer(line)), flush=True)  # ASCII, so lone surrogates survive


def _limit_time(seconds: int) -> None:
    """From now on: the parent waits no longer, but may have ended."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (ceil(time.process_time()) + seconds, most))


if __name__ == "__main__":
    main()
