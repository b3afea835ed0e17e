"""Files are reached in opened folders only, whatever a path says and whatever happens meanwhile."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import localqwq
from localqwq.agent.folders import Folders, Place, opened_folder
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, ToolFailed
from localqwq.agent.tools import editing, files
from localqwq.errors import LocalqwqError
from localqwq.locations import config_directory, data_directory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with files, links, and a neighbour with a secret."""
    project, outside = tmp_path / "project", tmp_path / "outside"
    for folder in (project / "src", project / ".git", outside):
        folder.mkdir(parents=True)
    (project / "README").write_text("# Title\nSome words.\n")
    (project / "src" / "main.py").write_text("print('Hello')\n")
    (project / ".git" / "config").write_text("Hello")
    (project / "binary").write_bytes(b"Hello\0")
    (outside / "secret").write_text("Hello, a secret")
    (project / "link").symlink_to(outside)
    (project / "secret").symlink_to(outside / "secret")
    (project / "inner").symlink_to("src")
    os.mkfifo(project / "pipe")
    return project


def call(tools: list[AgentTool], name: str, **arguments: object) -> str:
    """The result of a call."""
    [tool] = [one for one in tools if one.name == name]
    return tool.run(tool.check(arguments), Stop())


def folders(*texts: object) -> Folders:
    """Opened folders."""
    return Folders([opened_folder(str(text)) for text in texts])


def test_reading(project: Path) -> None:
    """By relative and absolute paths, and by links that stay inside."""
    tools = files.tools(folders(project))
    assert call(tools, "read_file", path="README") == "# Title\nSome words.\n"
    assert call(tools, "read_file", path=str(project / "README")).startswith("# Title")
    assert call(tools, "read_file", path="inner/main.py") == "print('Hello')\n"
    listed = call(tools, "list_files")
    assert "README (20 bytes)" in listed
    assert "src/main.py" in listed
    assert ".git" not in listed
    assert call(tools, "list_files", pattern="*.py") == "src/main.py (15 bytes)"
    assert call(tools, "search_files", text="hello") == "src/main.py:1: print('Hello')"
    assert call(tools, "search_files", text="WORDS", folder=".") == "README:2: Some words."


OUTSIDE = ["../outside/secret", "link/secret", "secret", "src/../../outside/secret", "/etc/passwd"]
ODD = ["pipe", "binary", "src", ".", "nothing", "README/x", "a\0b", "x" * 300, "a/" * 3000]


@pytest.mark.parametrize("path", [*OUTSIDE, *ODD, "{outside}/secret", "~/secret"])
def test_what_cannot_be_read(project: Path, path: str) -> None:
    """Other places, and what is no text file; it is said in one sentence."""
    path = path.replace("{outside}", str(project.parent / "outside"))
    with pytest.raises(ToolFailed) as failure:
        call(files.tools(folders(project)), "read_file", path=path)
    assert "a secret" not in str(failure.value)
    assert str(failure.value).endswith(".")


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["..", ".", "project", "outside", "link", "secret", "/", "src"])))
def test_no_path_leads_outside(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    """However it is put together."""
    root = tmp_path_factory.getbasetemp() / "any"
    for folder in ("project/src", "outside"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "outside" / "secret").write_text("a secret")
    if not (root / "project" / "link").is_symlink():
        (root / "project" / "link").symlink_to(root / "outside")
    try:
        text = call(files.tools(folders(root / "project")), "read_file", path="/".join(parts))
    except ToolFailed:
        return
    assert "a secret" not in text


def test_what_becomes_a_link_meanwhile_is_not_followed(project: Path) -> None:
    """Between looking and opening."""
    place = folders(project).place("src/main.py")
    (project / "src").rename(project / "old")
    (project / "src").symlink_to(project.parent / "outside")
    (project.parent / "outside" / "main.py").write_text("a secret")
    with pytest.raises(ToolFailed):
        files.text_of(place)
    inner = Place(place.folder, ("old", "main.py"))
    (project / "old" / "main.py").unlink()
    (project / "old" / "main.py").symlink_to(project.parent / "outside" / "secret")
    with pytest.raises(ToolFailed):
        files.text_of(inner)


def test_writing(project: Path) -> None:
    """New files, new folders, changes of existing files; permissions stay."""
    tools = editing.tools(folders(f"{project}:rw"))
    call(tools, "write_file", path="new/folder/file", content="one\ntwo\n")
    assert (project / "new/folder/file").read_text() == "one\ntwo\n"
    (project / "README").chmod(0o600)
    call(tools, "edit_file", path="README", old="Some words", new="Other words")
    assert (project / "README").read_text() == "# Title\nOther words.\n"
    assert (project / "README").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in project.iterdir() if path.name[0] == ".") == [".git"]


@pytest.mark.parametrize("path", [*OUTSIDE, "src", ".", "pipe", "link/new", "README/x"])
def test_what_cannot_be_written(project: Path, path: str) -> None:
    """Nothing outside changes."""
    tools = editing.tools(folders(f"{project}:rw"))
    with pytest.raises(ToolFailed):
        call(tools, "write_file", path=path, content="x")
    outside = project.parent / "outside"
    assert [one.name for one in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "Hello, a secret"


def test_folders_for_reading_are_not_written(project: Path) -> None:
    """Nor one within a folder for writing."""
    inside = folders(f"{project}:rw", project / "src")
    with pytest.raises(ToolFailed, match="reading only"):
        call(editing.tools(inside), "write_file", path="src/main.py", content="x")
    with pytest.raises(ToolFailed, match="reading only"):
        call(editing.tools(folders(project)), "write_file", path="new", content="x")


def test_an_edit_must_be_clear(project: Path) -> None:
    """The text occurs once."""
    tools = editing.tools(folders(f"{project}:rw"))
    for old, times in (("nothing", 0), ("o", 2)):
        with pytest.raises(ToolFailed, match=f"occurs {times} times"):
            call(tools, "edit_file", path="README", old=old, new="x")


def test_the_person_sees_the_difference(project: Path) -> None:
    """Before it is made; a change that is impossible says so."""
    write, edit = editing.tools(folders(f"{project}:rw"))
    words: Callable[[dict[str, object]], str] = edit.in_words  # type: ignore[assignment]
    shown = words({"path": "README", "old": "Some", "new": "Other"})
    assert "-Some words." in shown
    assert "+Other words." in shown
    assert "impossible" in words({"path": "README", "old": "nothing", "new": ""})
    assert write.in_words is not None
    assert "+x" in write.in_words({"path": "new", "content": "x"})
    assert write.significant({"path": "new"}) == (f"{project.resolve()}:rw",)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """No folder, a file, and all of the disk."""
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "nothing", tmp_path / "file", "/"):
        with pytest.raises(LocalqwqError):
            opened_folder(str(wrong))


def test_what_decides_about_tools_is_not_opened_for_writing() -> None:
    """Settings, permissions and the program itself, from within and from above."""
    data, config = data_directory(), config_directory()
    (data / "packs").mkdir()
    for wrong in (data, config, data / "packs", data.parent, Path(localqwq.__file__).parent):
        with pytest.raises(LocalqwqError, match="belongs to localqwq itself"):
            opened_folder(f"{wrong}:rw")
        assert not opened_folder(str(wrong)).writable
    for wrong, what in ((data, "it belongs"), (data / "packs", "it belongs")):
        with pytest.raises(LocalqwqError, match=f"{wrong} cannot be opened for writing: {what}"):
            opened_folder(f"{wrong}:rw")
    with pytest.raises(LocalqwqError, match=f"writing: {data.parent}/[a-z]+ in it belongs"):
        opened_folder(f"{data.parent}:rw")
