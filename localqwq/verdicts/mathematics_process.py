"""Comparing mathematical expressions in a process of their own.

    python -m localqwq.verdicts.mathematics_process SECONDS BYTES

``math-verify`` brings a computer algebra system, which a strange answer can keep busy for ever or
fill memory with; and it sets signal handlers. JSON lists of the expected and the given expression
come in, one a line, and ``true`` or ``false`` goes out.
"""

import importlib
import json
import sys

from localqwq.line_child import answer_lines


def main() -> None:
    """Answer each line until stdin ends."""
    sys.setrecursionlimit(20_000)
    library = importlib.import_module("math_verify")  # it has no types, and takes long to import

    def same(expected: str, given: str) -> bool:
        # The parent limits the time, so the library need not set signals for that.
        known = library.parse(f"\\boxed{{{expected}}}", parsing_timeout=None)
        found = library.parse(f"\\boxed{{{given}}}", parsing_timeout=None)
        return bool(known and found and library.verify(known, found, timeout_seconds=None))

    answer_lines(lambda line: json.dumps(same(*json.loads(line))))


if __name__ == "__main__":
    main()
