"""``python -m localqwq.documents FILE``: a document's text as Markdown, to standard output.

A process of its own: a file that crashes its reader, or wants all memory, costs a sentence.
"""

from __future__ import annotations

import contextlib
import sys

_MEMORY = 4 << 30
"""Bytes of address space."""


def main() -> int:
    """Print the text, or a line that says why there is none."""
    _bound_memory()
    from kreuzberg import ExtractionConfig, extract_file_sync
    from kreuzberg.exceptions import KreuzbergError

    try:
        config = ExtractionConfig(use_cache=False, output_format="markdown")
        found = extract_file_sync(sys.argv[1], config=config)
    except KreuzbergError as error:
        print(f"error: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(found.content.encode())
    return 0


def _bound_memory() -> None:
    """Where the system can do that."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    sys.exit(main())
