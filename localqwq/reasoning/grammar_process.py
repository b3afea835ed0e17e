"""Trying grammars of clients' schemas in a process of their own.

    python -m localqwq.reasoning.grammar_process SECONDS BYTES

A schema is a stranger's program for llguidance, which some of them keep busy for hours, and others
take past the end of its stack. Here both end only this process. JSON texts come in and go out, one
per line, until stdin ends.
"""

import json
import threading
from collections.abc import Callable

from localqwq.line_child import answer_lines
from localqwq.reasoning.grammar_check import problem

_STACK = 1024 * 1024
"""Bytes of stack, far less than the threads have that use the grammar."""


def main() -> None:
    """Answer each line until stdin ends."""
    threading.stack_size(_STACK)
    answer_lines(lambda line: json.dumps(_in_thread(lambda: problem(json.loads(line)))))


def _in_thread(work: Callable[[], str]) -> str:
    """Return the result of work that is done on a small stack."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0] if found else "it failed"


if __name__ == "__main__":
    main()
