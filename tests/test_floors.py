"""The rooms import downwards only, in no circle, and at the top of their files."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOOR = {
    "children": 0, "codec": 0, "deferred_model": 0, "demo": 0, "device_lists": 0, "durable": 0,
    "durations": 0, "endpoint": 0, "errors": 0, "field_docs": 0, "line_child": 0, "line_file": 0,
    "locations": 0, "interruption": 0, "locks": 0,
    "platforms": 0, "sizes": 0, "version": 0, "visible": 0,
    "installation": 1,
    "reasoning": 2, "hardware": 2, "gguf": 2, "settings": 2, "documents": 2,
    "verdicts": 2,
    "planning": 3, "packs": 3, "conversations": 3,
    "engine": 4,
    "models": 5,
    "server": 6, "quality": 6,
    "client": 7,
    "agent": 8,
    "evals": 9,
    "cli": 10, "tui": 10, "api": 10,
}  # fmt: skip
"""Files and folders of `localqwq`; modules of floor 0 may import each other."""
EXCEPTIONS = {("cli", "tui")}
"""The command line starts the app."""
CONVERTING = {
    "cli/automatic_matrix.py", "cli/convert.py", "cli/imatrix.py",
    "models/demo.py", "models/prospects.py",
}  # fmt: skip
"""Files that hand over to `convert`."""
ENTRANCES = (
    "localqwq.cli.", "localqwq.tui.", "localqwq.__main__", "localqwq.settings.file",
    "localqwq.engine.engine", "localqwq.engine.generation", "localqwq.engine.templates",
    "localqwq.reasoning.loops",
    "localqwq.models.launch_settings", "localqwq.models.spec",
    "localqwq.server.engine.", "localqwq.server.http.app", "localqwq.server.http.engine_routes",
    "localqwq.server.supervision.waiting",
)  # fmt: skip
"""Where libraries and rooms are imported only when they are needed: `--version` and the first frame
wait for nothing, reading one setting does not need the schema nor a file the store, most answers
need no numpy, only trusted templates Jinja in the engine, most clients one API, and an engine
starts before all else."""
HEAVY = {
    "anyio", "charset_normalizer", "ctypes", "gguf", "httpx2", "huggingface_hub", "importlib",
    "keyring", "kreuzberg", "llama_cpp", "llguidance", "localqwq_convert", "mcp", "mcp_types",
    "prometheus_client", "psutil", "pydantic", "pydantic_monty", "pypdf", "sqlite3",
    "yaml",
}  # fmt: skip
"""Libraries that may be imported inside functions anywhere, since they take long to import."""


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"))


def of_types_alone(path: Path) -> set[ast.AST]:
    """What stands below ``if TYPE_CHECKING``, and is never run."""
    tests = (node for node in ast.walk(tree(path)) if isinstance(node, ast.If))
    return {
        inside
        for node in tests
        if any(
            isinstance(part, ast.Name) and part.id == "TYPE_CHECKING"
            for part in ast.walk(node.test)
        )
        for inside in ast.walk(node)
    }


def names_in(node: ast.AST) -> Iterator[str]:
    """The absolute names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "imports are absolute"
        if node.module != "localqwq":  # whose names are modules or faces
            yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path, *, types: bool = True) -> Iterator[str]:
    """The names of the modules that a file imports anywhere; those for ``types`` alone, too."""
    left_out = set() if types else of_types_alone(path)
    for node in ast.walk(tree(path)):
        if node not in left_out:
            yield from names_in(node)


def files(folder: str) -> list[Path]:
    """All Python files of a folder, or the file of that name."""
    path = ROOT / folder
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def module_of(path: Path) -> str:
    """A file's name as a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "convert" else parts
    return ".".join(parts).removesuffix(".__init__")


def allowed(room: str, other: str) -> bool:
    """Whether a room may import another one."""
    is_ground = FLOOR[room] == FLOOR[other] == 0
    return FLOOR[other] < FLOOR[room] or is_ground or (room, other) in EXCEPTIONS


def test_every_room_has_a_floor() -> None:
    """A new one is placed before it is used."""
    found = {path.stem for path in (ROOT / "localqwq").iterdir() if path.suffix == ".py"}
    found |= {path.parent.name for path in (ROOT / "localqwq").glob("*/__init__.py")}
    assert found - {"__init__", "__main__"} == set(FLOOR)


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_rooms_import_lower_floors_only(room: str) -> None:
    """No room imports one beside or above itself, nor the package, which knows all of them."""
    for path in files(f"localqwq/{room}"):
        for name in imports(path):
            if name == "localqwq" or name.startswith("localqwq."):
                other = name.partition(".")[2].partition(".")[0]
                assert other in FLOOR, f"{path}: {name}"
                assert other == room or allowed(room, other), f"{path}: {name}"


def test_exceptions_are_needed() -> None:
    """None outlives its reason."""
    used = {
        (room, name.split(".")[1])
        for room in FLOOR
        for path in files(f"localqwq/{room}")
        for name in imports(path)
        if name.startswith("localqwq.")
    }
    assert used >= EXCEPTIONS
    for name in CONVERTING:
        found = imports(ROOT / "localqwq" / name)
        assert any(module.startswith("localqwq_convert") for module in found), name


def test_there_are_no_circles() -> None:
    """Imports inside functions counted; those for types alone are not."""
    known = {module_of(path): path for path in files("localqwq") + files("convert")}
    graph = {
        module: {name for name in imports(path, types=False) if name in known and name != module}
        for module, path in known.items()
    }
    while leaves := [module for module, needed in graph.items() if not needed & graph.keys()]:
        for module in leaves:
            del graph[module]
    assert not graph, f"in or above a circle: {sorted(graph)}"


@pytest.mark.parametrize("folder", ["session", "plain"])
def test_a_session_knows_no_widgets(folder: str) -> None:
    """Who talks without a screen imports nothing of one."""
    seen = ("textual", "localqwq.tui.screens", "localqwq.tui.widgets")
    for path in files(f"localqwq/tui/{folder}"):
        assert not [name for name in imports(path) if name.startswith(seen)], path


def test_only_the_engine_imports_llama_cpp() -> None:
    """llama.cpp is loaded by one room, in one file."""
    for path in files("localqwq") + files("convert"):
        loads = any(name.split(".")[0] == "llama_cpp" for name in imports(path))
        assert loads == (path == ROOT / "localqwq/engine/llama/library.py"), path


def test_convert_and_runtime_stay_apart() -> None:
    """`convert` uses a few small modules of the runtime; three files hand over to it."""
    for path in files("convert"):
        used = {name for name in imports(path) if name.startswith("localqwq.")}
        allowed = (
            "localqwq.durable",
            "localqwq.errors",
            "localqwq.gguf",
            "localqwq.installation.origin",
            "localqwq.interruption",
            "localqwq.packs.manifest",
            "localqwq.packs.store.header_statements",
            "localqwq.sizes",
            "localqwq.version",
        )
        assert all(name.startswith(allowed) for name in used), f"{path}: {used}"
    for path in files("localqwq"):
        if str(path.relative_to(ROOT / "localqwq")) not in CONVERTING:
            assert not any(name.startswith("localqwq_convert") for name in imports(path)), path


def test_imports_stand_at_the_top() -> None:
    """Save at entrances, and of libraries that take long to import."""
    for path in files("localqwq") + files("convert"):
        if module_of(path).startswith(ENTRANCES):
            continue
        inside = (
            name
            for function in ast.walk(tree(path))
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
            for name in names_in(node)
        )
        for name in inside:
            assert name.split(".")[0] in HEAVY, f"{path}: {name}"
