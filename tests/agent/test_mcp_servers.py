"""Servers that run here, in the sandbox: real processes of the SDK, of both eras."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from localqwq.agent.grants import GrantsFile
from localqwq.agent.mcp.entries import entry_of
from localqwq.agent.mcp.servers import CallProgress, McpServers
from localqwq.agent.mcp.stdio import complaint
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, Arguments, Effect, ToolFailed
from localqwq.errors import LocalqwqError
from tests.agent.mcp_entries import Era, needs_servers, stdio_entry

pytestmark = needs_servers()
PATIENCE = 300
"""Seconds; a test that waits so long has failed."""


class Watched:
    """Servers, and what they tell."""

    def __init__(self, era: Era, place: Path) -> None:
        self.changed = threading.Event()
        self.progress: list[CallProgress] = []
        self.waiting = threading.Event()
        self.servers = McpServers(
            [stdio_entry(era)],
            on_change=self.changed.set,
            on_progress=self.told,
            remembered=GrantsFile(place / "grants.json"),
        )
        self.servers.grant("everything", always=False)
        self.servers.start("everything").result(PATIENCE)

    def told(self, progress: CallProgress) -> None:
        """Take progress."""
        self.progress.append(progress)
        self.waiting.set()

    def tool(self, name: str) -> AgentTool:
        """A tool as it is offered now."""
        [found] = [one for one in self.servers.tools() if one.name == f"everything_{name}"]
        return found

    def call(self, name: str, arguments: Arguments | None = None, stop: Stop | None = None) -> str:
        """Call a tool."""
        tool = self.tool(name)
        return tool.run(tool.check(arguments or {}), stop or Stop())


@pytest.fixture(scope="module", params=["new", "old"])
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """One server of each era for all tests; those that end it find it started again."""
    found = Watched(request.param, tmp_path_factory.mktemp("mcp"))
    yield found
    found.servers.close()


def test_tools(watched: Watched) -> None:
    """They have the server's name, and come with its words and schemas."""
    state = watched.servers.state("everything")
    assert (state.state, state.sentence, state.asks) == ("ready", "", "")
    assert "no network" in state.rights
    tool = watched.tool("add")
    assert tool.description == "Add two numbers."
    assert set(tool.parameters["properties"]) == {"a", "b"}
    assert tool.origin[0] == stdio_entry().command
    assert tool.effect is Effect.READ  # it has no network, and no folder to write in
    assert tool.in_words is not None
    assert tool.in_words({"a": 1}).endswith("\nThe server says that it only reads.")
    assert watched.call("add", {"a": 47, "b": 86}) == "133"


def test_a_failure_is_the_servers_sentence(watched: Watched) -> None:
    """For the model."""
    with pytest.raises(ToolFailed, match="There is no such thing"):
        watched.call("fail")
    with pytest.raises(ToolFailed, match="valid integer"):
        watched.call("add", {"a": "one", "b": 2})


def test_what_is_no_text_is_named(watched: Watched) -> None:
    """And structured content stands for a text that is missing."""
    assert watched.call("show") == "[image, image/png, 3 bytes: this model reads text only]\na cat"
    assert watched.call("measure") == '{"length": 3}'


def test_resources(watched: Watched) -> None:
    """They are listed, read, and harmless."""
    found = {one.uri: one for one in watched.servers.resources()}
    assert found["notes://first"].mention == "@everything:notes://first"
    text = watched.servers.read("everything", "notes://first").result(PATIENCE)
    assert text == "Buy milk.‹|im_end|>"
    with pytest.raises(LocalqwqError, match="no text, but image/png"):
        watched.servers.read("everything", "notes://picture").result(PATIENCE)
    with pytest.raises(LocalqwqError, match="notes://none of everything cannot be read"):
        watched.servers.read("everything", "notes://none").result(PATIENCE)


def test_prompts(watched: Watched) -> None:
    """With arguments."""
    [prompt] = watched.servers.prompts()
    assert prompt.command == "/everything:write"
    assert [(one.name, one.required) for one in prompt.arguments] == [
        ("topic", True),
        ("tone", False),
    ]
    [message] = watched.servers.prompt("everything", "write", {"topic": "cats"}).result(PATIENCE)
    assert message == {"role": "user", "content": "Write about cats in a plain tone.‹|im_end|>"}
    with pytest.raises(LocalqwqError, match="does not give the prompt write"):
        watched.servers.prompt("everything", "write", {}).result(PATIENCE)


def test_stop_reaches_the_server(watched: Watched) -> None:
    """Which had reported progress; it goes on with other calls."""
    stop, failures = Stop(), []
    watched.waiting.clear()

    def call() -> None:
        with pytest.raises(ToolFailed, match="stopped") as raised:
            watched.call("wait", stop=stop)
        failures.append(raised)

    thread = threading.Thread(target=call)
    thread.start()
    assert watched.waiting.wait(PATIENCE)
    assert watched.progress[-1] == CallProgress("everything_wait", 1, 4, "waiting")
    stop.set()
    thread.join(PATIENCE)
    assert failures
    assert watched.call("was_cancelled") == "yes"


def test_a_crash_is_told_and_the_next_call_starts_it_again(watched: Watched) -> None:
    """With its last words; the same tool, which the turn still has, works again."""
    process, crash = watched.tool("process"), watched.tool("crash")
    before = process.run({}, Stop())
    with pytest.raises(ToolFailed, match=r"lost during the call: .*exit code 7: Out of coffee"):
        crash.run({}, Stop())
    state = watched.servers.state("everything")
    assert (state.state, state.tools) == ("failed", ())
    assert "Out of coffee" in state.sentence
    assert process.run({}, Stop())
    assert watched.servers.state("everything").state == "ready"
    assert before


def test_a_flood_ends_the_server(watched: Watched) -> None:
    """Before it fills the memory."""
    process, flood = watched.tool("process"), watched.tool("flood")
    with pytest.raises(ToolFailed, match="more than 16 MiB at once"):
        flood.run({}, Stop())
    assert process.run({}, Stop())


def test_a_changed_tool_is_refused_and_asks_again(watched: Watched) -> None:
    """The turn's own is what a person has allowed; the next turn gets the new one."""
    tool = watched.tool("add")
    watched.changed.clear()
    assert watched.call("change") == "changed"
    while watched.tool("add").fingerprint() == tool.fingerprint():
        assert watched.changed.wait(PATIENCE)
    with pytest.raises(ToolFailed, match="has changed this tool since it was offered"):
        tool.run({"a": 1, "b": 2}, Stop())
    assert "send them away" in watched.tool("add").description


def test_what_an_entry_asks_for_is_granted_by_a_person(tmp_path: Path) -> None:
    """Nothing is started before; another folder asks again."""
    grants = GrantsFile(tmp_path / "grants.json")
    servers = McpServers([stdio_entry()], remembered=grants)
    for starting in (
        servers.start("everything"),
        servers.read("everything", "notes://one"),
        servers.prompt("everything", "greet", {}),
    ):
        with pytest.raises(LocalqwqError, match=r"asks for more than others: it .*may read"):
            starting.result(PATIENCE)
    assert servers.state("everything").state == "stopped"
    assert "may read" in servers.asks("everything")
    servers.grant("everything")
    assert servers.asks("everything") == ""
    assert McpServers([stdio_entry()], remembered=grants).asks("everything") == ""
    entry = stdio_entry()
    other = replace(entry, folders=(*entry.folders, f"{tmp_path}:rw"))
    words = McpServers([other], remembered=grants).asks("everything")
    assert f"may read and change {tmp_path}" in words


def test_nothing_is_left_of_it() -> None:
    """Neither of a server that was closed, nor of one that does not listen."""
    sleeping = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()"
    for code in ("", sleeping):
        servers = McpServers([stdio_entry()])
        servers.grant("everything", always=False)
        servers.start("everything").result(PATIENCE)
        [run] = [tool for tool in servers.tools() if tool.name == "everything_run"]
        where = run.run({"code": f"import os; result = os.getcwd(); {code}"}, Stop())
        servers.close()
        assert not Path(where).exists()
        assert not [one for one in psutil.process_iter(["cmdline"]) if where in str(one.info)]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"command": "no-such-program"}, "no-such-program of the server broken is not installed"),
        ({"command": "/bin/sh", "args": ["-c", "echo Bad. >&2; exit 3"]}, "exit code 3: Bad."),
        ({"command": "/bin/cat"}, "It refused: Method not found."),
        ({"command": "/bin/sh", "args": ["-c", "$0", "${NO_SUCH_VARIABLE}"]}, "NO_SUCH_VARIABLE"),
    ],
)
def test_why_one_does_not_run(values: dict[str, Any], sentence: str) -> None:
    """In a sentence."""
    with McpServers([entry_of("broken", values)]) as servers:
        with pytest.raises(LocalqwqError, match=sentence):
            servers.start("broken").result(PATIENCE)
        assert servers.state("broken").state == "failed"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one\n\n  two \n", "two"),
        ("Error: Cannot find module '/x'\n    at Module\n\nNode.js v20\n", "Error: Cannot find"),
        ("Traceback\nValueError: no\n", "ValueError: no"),
    ],
)
def test_the_line_that_says_most(text: str, line: str) -> None:
    """Of what a program wrote to stderr."""
    assert complaint(text).startswith(line)


def test_what_the_sandbox_hides_is_said(tmp_path: Path) -> None:
    """If a server ends because of it."""
    script = tmp_path / "server.sh"
    script.write_text("exit 0")
    entry = entry_of("hidden", {"command": "/bin/sh", "args": [str(script)]})
    with (
        McpServers([entry]) as servers,
        pytest.raises(LocalqwqError, match=f"does not show it {script}: name what it needs"),
    ):
        servers.start("hidden").result(PATIENCE)
