"""``python -m localqwq.documents FILE KIND``: a document's text, as JSON on standard output.

A process of its own: a file that crashes its reader, or wants all memory, costs a sentence.
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from localqwq.documents.dispatch import extract
from localqwq.documents.extract import UnreadableError

_MEMORY = 4 << 30
"""Bytes of address space."""


def main() -> int:
    """Print the text and the remarks, or else the reason why there is none."""
    _bound_memory()
    try:
        found = asdict(extract(Path(sys.argv[1]), sys.argv[2]))
    except UnreadableError as error:
        found = {"reason": str(error)}
    except MemoryError:
        found = {"reason": "it takes too much memory"}
    print(json.dumps(found))
    return 0


def _bound_memory() -> None:
    """Where the system can do that."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    sys.exit(main())
