"""Renders chat templates for another process: ``python -m localqwq.reasoning.template_process``.

One JSON document a line comes in and one goes out. A template is a program out of a downloaded
file, and within Jinja's sandbox it can still take all memory (``'x' * 10 ** 10``) or loop for
ever. Here both end this process only.
"""

import contextlib
import json
import sys
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.reasoning.template import render

MEMORY = 1024**3
"""Bytes of address space, where the system can limit it."""


def answer(line: str) -> dict[str, Any]:
    """The ``prompt`` of the request in a line, or the ``error`` that there was."""
    try:
        return {"prompt": render(**json.loads(line))}
    except LocalqwqError as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "The messages or the tools nest too deeply; simplify them."}


def main() -> None:
    """Answer each line until stdin ends."""
    _limit_memory()
    for line in sys.stdin:
        print(json.dumps(answer(line)), flush=True)  # ASCII, so lone surrogates survive


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
