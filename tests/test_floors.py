"""The rooms import downwards only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOOR = {
    "children": 0, "durable": 0, "endpoint": 0, "errors": 0, "locations": 0, "locks": 0,
    "platforms": 0, "sizes": 0, "version": 0, "visible": 0,
    "installation": 1,
    "reasoning": 2, "hardware": 2, "gguf": 2, "settings": 2, "documents": 2,
    "planning": 3, "packs": 3, "conversations": 3,
    "engine": 4,
    "models": 5,
    "server": 6, "client": 6,
    "cli": 7, "tui": 7, "api": 7,
}  # fmt: skip
# The command line starts the app.
EXCEPTIONS = {("cli", "tui")}


def imports(path: Path) -> Iterator[str]:
    """The absolute names of the modules that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(folder: str) -> list[Path]:
    """All Python files of a folder."""
    return sorted((ROOT / folder).rglob("*.py"))


MODULES = {name for name in FLOOR if (ROOT / "localqwq" / f"{name}.py").is_file()}
"""Files that belong to no room."""


@pytest.mark.parametrize("room", sorted(set(FLOOR) - MODULES))
def test_rooms_import_lower_floors_only(room: str) -> None:
    """No room imports one beside or above itself, save the command line the app."""
    for path in files(f"localqwq/{room}"):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "localqwq" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != room:
                downwards = FLOOR[parts[1]] < FLOOR[room]
                assert downwards or (room, parts[1]) in EXCEPTIONS, f"{path}: {name}"


def test_only_the_engine_imports_llama_cpp() -> None:
    """llama.cpp is loaded by one room."""
    for path in files("localqwq") + files("convert"):
        if path.parent.name != "engine":
            assert not any(name.split(".")[0] == "llama_cpp" for name in imports(path)), path


def test_convert_and_runtime_stay_apart() -> None:
    """`convert` uses a few small modules of the runtime; three files hand over to it."""
    for path in files("convert"):
        used = {
            ".".join(name.split(".")[:3]) for name in imports(path) if name.startswith("localqwq.")
        }
        allowed = (
            "localqwq.durable",
            "localqwq.errors",
            "localqwq.gguf",
            "localqwq.installation.origin",
            "localqwq.packs.manifest",
            "localqwq.version",
        )
        assert all(name.startswith(allowed) for name in used), f"{path}: {used}"
    converting = {
        ROOT / "localqwq" / name
        for name in ("cli/convert.py", "models/demo.py", "models/prospects.py")
    }
    for path in files("localqwq"):
        if path not in converting:
            assert not any(name.startswith("localqwq_convert") for name in imports(path)), path
