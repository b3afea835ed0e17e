"""Servers that run elsewhere: real ones of the SDK, over HTTP on this machine, of both eras."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localqwq.agent.mcp.entries import entry_of
from localqwq.agent.mcp.servers import CallProgress, McpServers
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, Effect, ToolFailed
from localqwq.errors import LocalqwqError
from tests.agent.mcp_entries import PACKAGES, SCRIPT

PATIENCE = 300


class Remote:
    """A server in a process of its own, and the client of it."""

    def __init__(self, era: str) -> None:
        self.command = [sys.executable, str(SCRIPT), PACKAGES, "http", era]
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/mcp"
        self.waiting = threading.Event()
        self.servers = McpServers([entry_of("far", {"url": self.url})], on_progress=self.told)

    def told(self, progress: CallProgress) -> None:
        """Take progress."""
        self.waiting.set()

    def tool(self, name: str) -> AgentTool:
        """A tool as it is offered now."""
        [found] = [one for one in self.servers.tools() if one.name == f"far_{name}"]
        return found


@pytest.fixture(scope="module", params=["new", "old"])
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    """One server of each era for all tests."""
    found = Remote(request.param)
    try:
        found.servers.start("far").result(PATIENCE)
        yield found
        found.servers.close()
    finally:
        found.process.kill()
        found.process.wait()


def test_it_works_as_one_here(remote: Remote) -> None:
    """Except that nothing is known about what it may do, so that each call asks."""
    assert "outside the sandbox" in remote.servers.state("far").rights
    add = remote.tool("add")
    assert (add.effect, add.origin) == (Effect.CHANGE, (remote.url,))
    assert add.run({"a": 40, "b": 2}, Stop()) == "42"
    assert remote.servers.read("far", "notes://first").result(PATIENCE) == "Buy milk.‹|im_end|>"
    [message] = remote.servers.prompt("far", "write", {"topic": "cats"}).result(PATIENCE)
    assert message["content"].startswith("Write about cats")


def test_stop_reaches_it(remote: Remote) -> None:
    """And it goes on."""
    stop, failures = Stop(), []
    remote.waiting.clear()

    def call() -> None:
        with pytest.raises(ToolFailed, match="stopped") as raised:
            remote.tool("wait").run({}, stop)
        failures.append(raised)

    thread = threading.Thread(target=call)
    thread.start()
    assert remote.waiting.wait(PATIENCE)
    stop.set()
    thread.join(PATIENCE)
    assert failures
    assert remote.tool("was_cancelled").run({}, Stop()) == "yes"


def test_a_flood_is_not_read(remote: Remote) -> None:
    """The call fails, and the next one works."""
    add = remote.tool("add")
    with pytest.raises(ToolFailed, match="lost during the call"):
        remote.tool("flood").run({}, Stop())
    assert add.run({"a": 1, "b": 2}, Stop()) == "3"


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything in one way; its address, and the paths that were asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/mcp", asked
        finally:
            server.shutdown()
            thread.join()


def refused(url: str) -> str:
    """Why a server at that address does not run."""
    with McpServers([entry_of("far", {"url": url})]) as servers:
        with pytest.raises(LocalqwqError) as raised:
            servers.start("far").result(PATIENCE)
        return str(raised.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_elsewhere(status: int) -> None:
    """Not even to another port of the same machine, and not with its headers."""
    with answering(lambda one: one.send_error(500)) as (elsewhere, asked):

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Location", elsewhere)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with answering(redirect) as (url, first):
            assert "does not run" in refused(url)
        assert first
        assert asked == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_is_said(status: int) -> None:
    """And what to do."""
    with answering(lambda one: one.send_error(status)) as (url, _):
        assert "put a token into the headers" in refused(url)


def test_what_is_no_server_is_said() -> None:
    """Neither a page nor nothing."""

    def page(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"Hi")

    with answering(page) as (url, _):
        assert "It refused: Unexpected content type: text/html." in refused(url)
    assert "It cannot be reached." in refused(url)


def test_compressed_answers_are_refused() -> None:
    """They could be of any size."""

    def packed(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"Hi")

    with answering(packed) as (url, _):
        assert "compresses what it sends" in refused(url)
