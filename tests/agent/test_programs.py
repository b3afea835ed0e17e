"""Programs of the model, in the sandbox that this machine has."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.agent.audit import AuditLog
from localqwq.agent.builtin import builtin_tools
from localqwq.agent.events import Step
from localqwq.agent.folders import Folders, opened_folder
from localqwq.agent.grants import GrantsFile
from localqwq.agent.permission import Allowed, Grant
from localqwq.agent.stop import Stop
from localqwq.agent.tool import ToolFailed
from localqwq.agent.tools.programs import program_of
from localqwq.agent.turn import PlannedCall
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import ToolCall
from tests.agent.backends import needs_sandbox

sandboxed = needs_sandbox()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everyone may use, as root's programs run as somebody else."""
    with tempfile.TemporaryDirectory(prefix="localqwq-shared-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "given").write_text("given")
        yield folder


def call(name: str, folders: Folders, **arguments: object) -> str:
    """The result of a call."""
    [tool] = builtin_tools([name], folders)
    return tool.run(tool.check(arguments), Stop())


@sandboxed
def test_python() -> None:
    """What it prints; an error with its traceback."""
    assert call("run_code", Folders(), code="print(sum(range(10)))") == "45"
    assert call("run_code", Folders(), code="pass") == "It wrote nothing."
    assert call("run_code", Folders(), code="import os; print(os.listdir())") == "[]"
    with pytest.raises(ToolFailed, match="ZeroDivisionError") as failure:
        call("run_code", Folders(), code="print('before'); 1 / 0")
    assert str(failure.value).startswith("before\nstderr:\n")
    assert str(failure.value).endswith("exit code 1")


@sandboxed
def test_a_shell_with_folders(shared: Path) -> None:
    """Which are as they were opened."""
    reading = Folders([opened_folder(str(shared))])
    writing = Folders([opened_folder(f"{shared}:rw")])
    assert call("shell", reading, command="cat given; echo; pwd") == f"given\n{shared}"
    with pytest.raises(ToolFailed):
        call("shell", reading, command=f"echo x > {shared}/new")
    assert call("shell", writing, command=f"echo x > {shared}/new && echo done") == "done"
    assert (shared / "new").read_text() == "x\n"
    [tool] = builtin_tools(["shell"], writing)
    assert tool.description == f"Run a shell command in {shared}, without network."
    with pytest.raises(ToolFailed):
        call("shell", Folders(), command=f"cat {shared}/given")


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("ls -l", "ls"),
        ("git status", "git"),
        ("ls; rm x", "ls; rm x"),
        ("ls $(rm x)", "ls $(rm x)"),
        ("ls\nrm x", "ls\nrm x"),
        ("ls > x", "ls > x"),
        ("FOO=1 ls", "FOO=1 ls"),
        ("", ""),
    ],
)
def test_a_permission_covers_one_program(command: str, program: str) -> None:
    """A command that may run others is covered only as a whole."""
    assert program_of(command) == program


def test_what_a_tool_needs_is_said() -> None:
    """When it is chosen."""
    with pytest.raises(LocalqwqError, match="--folder PATH") as caught:
        builtin_tools(["read_file"])
    assert str(caught.value) == (
        "read_file needs a folder: open one with `ask --folder PATH`, with `/folder PATH` in the "
        "app, or by `folders` in Python."
    )
    with pytest.raises(LocalqwqError, match="--folder PATH:rw"):
        builtin_tools(["edit_file"], Folders([opened_folder(tempfile.gettempdir())]))


def test_permissions_for_always(tmp_path: Path) -> None:
    """They outlive the program, are bound to the tool's hash, and a broken file grants nothing."""
    path = tmp_path / "new" / "grants.json"
    grant = Grant("shell", "abc", ("git",))
    assert not GrantsFile(path).has(grant)
    GrantsFile(path).add(grant, "before")
    kept = GrantsFile(path)
    assert kept.has(grant)
    other = Grant("shell", "abd", ("git",))
    assert not kept.has(other)
    assert kept.changed(other) == "before"
    assert kept.changed(Grant("shell", "abd", ("ls",))) == ""
    kept.add(other, "after")
    assert not kept.has(grant)
    for broken in ("{", "[1, {}]", '{"tool": 1}', '[{"tool": "shell", "values": 5}]', ""):
        path.write_text(broken)
        assert not GrantsFile(path).has(other)
        assert GrantsFile(path).changed(other) == ""
    path.unlink()
    path.mkdir()
    with pytest.raises(LocalqwqError, match="cannot be kept"):
        GrantsFile(path).add(grant, "")


def test_the_audit_log(tmp_path: Path) -> None:
    """Each decision and each end, in a line of its own; a full disk does not end the turn."""
    log = AuditLog(tmp_path / "tools.log")
    planned = PlannedCall(ToolCall("1", "shell", '{"command": "ls"}'), None, {})
    log.decided(planned, Allowed("always"))
    log.ended(Step("1", "shell", "{}", "a\nb", "done", 0.5))
    lines = [json.loads(line) for line in (tmp_path / "tools.log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["allowed", "done"]
    assert lines[0]["arguments"] == '{"command": "ls"}'
    assert (lines[0]["reason"], lines[1]["result"], log.problem) == ("always", "a\nb", "")
    broken = AuditLog(tmp_path)
    broken.ended(Step("1", "shell", "{}", "", "done"))
    assert os.fspath(tmp_path) in broken.problem
