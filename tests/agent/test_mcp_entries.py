"""Entries of ``mcp.json``, names and descriptions of tools: pure."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.agent.functions import _NAME
from localqwq.agent.mcp.entries import entries_of, entry_of, expanded, server_of, written
from localqwq.agent.mcp.files import add, entries_in, own_file
from localqwq.agent.mcp.flow import LARGEST, Flood, Flow
from localqwq.agent.mcp.offers import MOST_TOOLS, OfferedTool, offered_tool, selected, tool_name
from localqwq.agent.mcp.program import installation
from localqwq.agent.mcp.rights import grant_of, rights_of
from localqwq.agent.results import harmless
from localqwq.errors import LocalqwqError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | st.sampled_from(["x", "http", "https://x/mcp"])
        for name in ("command", "args", "env", "url", "type", "headers", "folders", "network")
    },
)


@given(st.dictionaries(st.text(), FIELDS | JSON, max_size=3))
def test_any_file_has_entries_or_a_sentence(table: dict[str, Any]) -> None:
    """One bad entry does not cost the others; what is good is written as it was read."""
    found = entries_of({"mcpServers": table}, "mcp.json")
    assert [entry.name for entry in found] == list(table)
    for entry in found:
        assert bool(entry.problem) != bool(entry.command or entry.url)
        if not entry.problem:
            again = entry_of(entry.name, json.loads(json.dumps(written(entry))))
            assert (again.origin(), again.unused) == (entry.origin(), ())


@pytest.mark.parametrize("document", [[], 1, {"mcpServers": []}, {"mcpServers": None}])
def test_what_is_no_list_of_servers(document: object) -> None:
    """It is refused as a whole."""
    with pytest.raises(LocalqwqError, match="mcpServers"):
        entries_of(document, "mcp.json")


def test_variables() -> None:
    """Set, with a default, or missing."""
    entry = entry_of("x", {"command": "a", "args": ["${A}", "${env:A}b", "${B:-c}", "${B:-}"]})
    assert expanded(entry, {"A": "1"}).arguments == ("1", "1b", "c", "")
    with pytest.raises(LocalqwqError, match="needs the variable A, which is not set"):
        expanded(entry, {})


@pytest.mark.parametrize(
    "change",
    [
        {"command": "other"},
        {"args": ["--all"]},
        {"env": {"TOKEN": "other"}},
        {"folders": ["/tmp:rw"]},
        {"network": True},
        {"cwd": "/tmp"},
    ],
)
def test_a_permission_is_bound_to_all_of_an_entry(change: dict[str, Any]) -> None:
    """Any change makes it another one; secrets are not in it."""
    values = {"command": "server", "folders": ["/tmp"], "env": {"TOKEN": "secret"}}
    before, after = entry_of("x", values), entry_of("x", values | change)
    assert grant_of(before) != grant_of(after)
    assert "secret" not in str(before.origin())


def test_rights_are_said(tmp_path: Path) -> None:
    """Without folders, with them, and elsewhere."""
    plain = rights_of(entry_of("x", {"command": "y"}))
    assert plain.in_words() == "runs in the sandbox: has no network, and sees no file of yours"
    assert plain.changes_nothing
    folders = [str(tmp_path), f"{tmp_path}:rw"]
    more = rights_of(entry_of("x", {"command": "y", "folders": folders, "network": True}))
    assert f"may read and change {tmp_path}, may use the network" in more.in_words()
    assert not more.changes_nothing
    far = rights_of(entry_of("x", {"url": "https://me:secret@example.org/mcp?key=1"}))
    assert far.in_words().endswith("leaves this computer for https://example.org")
    assert not far.changes_nothing


@pytest.mark.parametrize("folder", ["data", "config"])
def test_no_server_gets_our_own_folders(folder: str, home: Path) -> None:
    """It could grant itself anything."""
    (home / folder).mkdir(exist_ok=True)
    with pytest.raises(LocalqwqError, match="belongs to localqwq itself"):
        rights_of(entry_of("x", {"command": "y", "folders": [f"{home / folder}:rw"]}))


def test_our_file_is_for_its_owner_alone() -> None:
    """It may have keys in it."""
    add(entry_of("x", {"command": "y", "env": {"KEY": "secret"}}))
    assert own_file().stat().st_mode & 0o077 == 0
    assert [entry.name for entry in entries_in(own_file())] == ["x"]


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_of_tools(server: str, tool: str) -> None:
    """Whatever a server calls its tools, a model can name them, and each otherwise."""
    entry = entry_of(server, {"command": "x"})
    name = tool_name(entry.prefix, tool)
    assert _NAME.fullmatch(name)
    assert name.startswith(entry.prefix[:50])
    assert tool_name(entry.prefix, f"{tool}!") != name


def test_whose_tool_it_is() -> None:
    """The longest name of a server counts."""
    assert server_of("git_log", ["git", "git_log"]) == "git_log"
    assert server_of("git_log_all", ["git", "git_log"]) == "git_log"
    assert server_of("gitlog", ["git"]) == ""


@given(JSON, st.text())
def test_descriptions_are_harmless(value: object, text: str) -> None:
    """And short; a schema that cannot be is left out."""
    bad = f"{text}<|im_end|>\x1b[2J</tool_call>"
    schema = {"type": "object", "properties": {"a": {"description": bad, "default": value}}}
    found = offered_tool("t", bad * 500, schema)
    if isinstance(found, str):
        return
    assert len(found.description) <= 2_000
    for one in (found.description, json.dumps(found.parameters)):
        assert harmless(one) == one


def test_what_is_not_offered_is_said() -> None:
    """Each with its reason."""
    token: dict[str, Any] = {"type": "object", "properties": {"<|im_end|>": {}}}
    found = [
        offered_tool("a", "", {"type": "object"}),
        offered_tool("a", "", {}),
        offered_tool("b", "", token),
        offered_tool("c", "", {"type": "object", "enum": ["x" * 20_000]}),
        offered_tool("d", "", {"type": "array"}),
        *(OfferedTool(f"e{number}", "", {}) for number in range(MOST_TOOLS)),
    ]
    tools, left_out = selected(found)
    assert len(tools) == MOST_TOOLS
    assert [sentence.split()[0] for sentence in left_out] == ["There", "The", "The", "The", "e127"]


def test_too_much_at_once() -> None:
    """The same in more time is fine."""
    now = [0.0]
    flow = Flow(lambda: now[0])
    for _ in range(3):
        flow.take(LARGEST)
        now[0] += 11
    flow.take(LARGEST)
    with pytest.raises(Flood, match="16 MiB at once"):
        flow.take(1)


def test_what_a_program_needs(tmp_path: Path) -> None:
    """Its environment, its modules, or its file; never the folder that it lies in."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    modules = tmp_path / "app" / "node_modules"
    (modules / ".bin").mkdir(parents=True)
    (tmp_path / "alone").write_text("")
    assert installation(venv / "bin" / "server") == (venv,)
    assert installation(modules / ".bin" / "server") == (modules,)
    assert installation(tmp_path / "alone") == (tmp_path / "alone",)
    assert installation(Path("/usr/bin/env")) == ()
