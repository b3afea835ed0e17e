"""Every back end that this machine has is attacked in the same way, and holds."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.agent.mcp.servers import McpServers
from localqwq.agent.sandbox.job import MIB, BackendName, Job, Limits
from localqwq.agent.sandbox.process import run
from localqwq.agent.sandbox.scratch import interpreter, scratch_folder
from localqwq.agent.stop import Stop
from tests.agent.backends import needs_sandbox, working
from tests.agent.escapes import ATTEMPTS, HARNESS
from tests.agent.mcp_entries import needs_servers, stdio_entry
from tests.agent.targets import SECRET, Target, nobody_came

pytestmark = needs_sandbox()
LIMITS = Limits(seconds=120, memory=512 * MIB, processes=16, disk=32 * MIB)


def test_there_are_enough_attempts() -> None:
    """With names of their own."""
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 200


@pytest.mark.parametrize("backend", working())
def test_nothing_gets_out(backend: BackendName, target: Target) -> None:
    """Neither what was attempted says so, nor what was attacked."""
    python = interpreter()
    assert python is not None
    before, priority = target.state(), os.getpriority(os.PRIO_PROCESS, target.victim.pid)
    with scratch_folder(target.user) as scratch:
        told, harness = scratch / "told.json", scratch / "harness.py"
        told.write_text(json.dumps(target.told(confined=True)))
        harness.write_text(HARNESS)
        for path in (told, harness):
            path.chmod(0o644)
        words = (*python.words, str(harness), str(told))
        opened = target.place / "opened"
        job = Job(
            words, backend, scratch, (*python.folders, opened), limits=LIMITS, user=target.user
        )
        os.environ["LOCALQWQ_TEST_SECRET"] = SECRET
        try:
            ran = run(job)
        finally:
            del os.environ["LOCALQWQ_TEST_SECRET"]
    assert (ran.problem, ran.ended_for, ran.errors) == ("", "", "")
    nothing_got_out(json.loads(ran.output), target)
    assert target.state() == before
    assert os.getpriority(os.PRIO_PROCESS, target.victim.pid) == priority


def nothing_got_out(report: dict[str, object], target: Target) -> None:
    """Check what the harness says, and what was attacked."""
    assert report["tried"] == len(ATTEMPTS)
    assert report["got_out"] == []
    left = f"left-{Path(target.beside).name}"
    assert not [folder for folder in ("/tmp", "/dev/shm") if Path(folder, left).exists()]
    assert target.victim.poll() is None
    assert all(map(nobody_came, target.listening))


@needs_servers()
@pytest.mark.parametrize("backend", working())
def test_nothing_gets_out_of_a_server(
    backend: BackendName, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same by an MCP server that runs what it was not asked for."""
    monkeypatch.setattr("localqwq.agent.mcp.server.backend", lambda: backend)
    monkeypatch.setattr("localqwq.agent.mcp.session.CALL_SECONDS", 600.0)
    monkeypatch.setenv("LOCALQWQ_TEST_SECRET", SECRET)
    before, priority = target.state(), os.getpriority(os.PRIO_PROCESS, target.victim.pid)
    opened = target.place / "opened"
    told, harness = opened / "told.json", opened / "harness.py"
    told.write_text(json.dumps(target.told(confined=True)))
    harness.write_text(HARNESS)
    entry = stdio_entry()
    entry = replace(entry, folders=(*entry.folders, str(opened)))
    words = f"[sys.executable, '-I', {str(harness)!r}, {str(told)!r}]"
    code = (
        "import subprocess, sys; "
        f"result = subprocess.run({words}, capture_output=True, text=True, check=True).stdout"
    )
    with McpServers([entry]) as servers:
        servers.grant(entry.name, always=False)
        servers.start(entry.name).result()
        [run] = [tool for tool in servers.tools() if tool.name == "everything_run"]
        report = json.loads(run.run({"code": code}, Stop()))
        nothing_got_out(report, target)
    assert target.state() == before
    assert os.getpriority(os.PRIO_PROCESS, target.victim.pid) == priority


def test_without_a_sandbox_most_get_out(target: Target) -> None:
    """So that the other test can fail. The rest needs rights that nobody has here."""
    with scratch_folder(target.user) as scratch:
        told = scratch / "told.json"
        told.write_text(json.dumps(target.told(confined=False)))
        told.chmod(0o644)
        python = interpreter()
        assert python is not None
        ran = subprocess.run(
            [*python.words, "-c", HARNESS, str(told)],
            cwd=scratch,
            env={**os.environ, "LOCALQWQ_TEST_SECRET": SECRET},
            user=target.user,
            group=target.user,
            extra_groups=None if target.user is None else [],
            capture_output=True,
            text=True,
            check=True,
        )
    report = json.loads(ran.stdout)
    print([one.name for one in ATTEMPTS if one.name not in report["got_out"]])
    assert len(report["got_out"]) >= 200
