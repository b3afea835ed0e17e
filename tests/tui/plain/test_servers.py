"""MCP servers without a screen."""

import json

from localqwq.agent.mcp.entries import written
from localqwq.agent.mcp.files import own_file
from tests.agent.mcp_entries import needs_servers, stdio_entry
from tests.pseudo_terminal import Program, program, stored_turns


def says(shown: Program, words: str, typed: str) -> None:
    """Type something and wait for these words behind it."""
    said = shown.shows(words)
    shown.write(typed.encode())
    shown.until(said)


@needs_servers()
def test_what_a_server_asks_for_is_allowed_elsewhere(demo_server: str) -> None:
    """Nothing is started before; the sentence says what is asked for."""
    own_file().parent.mkdir(parents=True, exist_ok=True)
    own_file().write_text(json.dumps({"mcpServers": {"everything": written(stdio_entry())}}))
    command = ["-m", "localqwq", "chat", "--endpoint", demo_server]
    with program(environment={"TERM": "dumb"}, command=command) as shown:
        shown.until(shown.shows("You: "))
        says(shown, "everything has to be allowed first", "/tools everything\n")
        says(shown, "everything has to be allowed first", "Read @everything:notes://first please\n")
        says(shown, "everything has to be allowed first", "/everything:write rain\n")
        says(shown, "everything, on: stopped", "/tools\n")
        assert stored_turns() == ()
