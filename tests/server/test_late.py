"""What is imported with its first request, and not at the start."""

import subprocess
import sys

LATE = (
    "localqwq.server.http.embeddings.routes",
    "localqwq.server.http.messages_api",
    "localqwq.server.http.ollama",
    "localqwq.server.http.openapi",
    "localqwq.server.http.responses.schema",
    "localqwq.server.http.text_completions",
    "sqlite3",
)


def test_a_start_imports_chat_completions_alone() -> None:
    """The other APIs take time and memory that few servers ever need."""
    code = (
        "import sys; before = set(sys.modules); import localqwq.server.door; "
        "print(*set(sys.modules) - before)"
    )
    found = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "localqwq.server.http.completions" in found
    assert not set(LATE) & set(found)
