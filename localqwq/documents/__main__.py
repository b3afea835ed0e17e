"""Print a document's text as JSON: ``python -m localqwq.documents FILE KIND``.

A separate process, since a file may crash its reader or exhaust memory.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from localqwq.children import bound_memory
from localqwq.documents.dispatch import extract
from localqwq.documents.extract import MEMORY, UnreadableError


def main() -> int:
    """Print the text and remarks, or the reason why there is none."""
    bound_memory(MEMORY)
    try:
        found = asdict(extract(Path(sys.argv[1]), sys.argv[2]))
    except UnreadableError as error:
        found = {"reason": str(error)}
    except MemoryError:
        found = {"reason": "it takes too much memory"}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
