"""The code in the documents runs, and what cannot run here is at least used as it can be.

A block of shell commands or Python runs, unless its fence says what it needs (``bash
needs=network``). Of such a block every ``localqwq`` command must be one that the program takes.
"""

import os
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from localqwq.cli.main import command_parser
from localqwq.locations import demo_checkpoint
from tests.docs.documents import ROOT, Block, blocks, documents
from tests.known_speeds import note_speeds

SERVED = "http://127.0.0.1:8080"
"""Where the documents have a server; the tests put that of the demo in its place."""
PAGES = [page for page in documents() if any(blocks(page))]
COMMAND = (sys.executable, "-m", "localqwq")


def runnable(language: str) -> list[Path]:
    """The pages with a block in this language that can run."""
    return [
        page
        for page in PAGES
        if any(block.language == language and not block.needs for block in blocks(page))
    ]


def named(page: Path) -> str:
    """A page's name in the list of tests."""
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with directories that all pages share, and ``localqwq`` as a command."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "bin").mkdir()
    script = folder / "bin" / "localqwq"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALQWQ_CACHE_DIR", str(folder / "cache"))
        note_speeds()  # which take seconds to measure
    return folder


def ran(place: Path, command: list[str], text: str) -> str:
    """Run a program with `text` on its stdin; its stdout."""
    kinds = ("DATA", "CONFIG", "CACHE")
    done = subprocess.run(
        command,
        input=text,
        cwd=place,
        env={
            **os.environ,
            **{f"LOCALQWQ_{kind}_DIR": str(place / kind.lower()) for kind in kinds},
            "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "DEMO_CHECKPOINT": str(demo_checkpoint()),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def code(page: Path, language: str, server: str) -> list[str]:
    """The blocks of a page that can run, with the demo's server where they name one."""
    found = (block for block in blocks(page) if block.language == language and not block.needs)
    return [block.code.replace(SERVED, server) for block in found]


@pytest.mark.parametrize("page", runnable("bash"), ids=named)
def test_commands_run(page: Path, place: Path, demo_server: str) -> None:
    """All shell commands of a page, one after the other; the output that is shown is theirs."""
    script = "set -eu\n" + "\n".join(code(page, "bash", demo_server))
    output = ran(place, ["bash"], script)
    for before, block in pairwise(blocks(page)):
        if (before.language, before.needs, block.language) == ("bash", "", "text"):
            assert block.code.splitlines()[-1] in output


@pytest.mark.parametrize("page", runnable("python"), ids=named)
def test_python_runs(page: Path, place: Path, demo_server: str) -> None:
    """All Python of a page, each block as a program of its own would run."""
    programs = code(page, "python", demo_server)
    text = "\n".join(f"exec(compile({program!r}, 'block', 'exec'), {{}})" for program in programs)
    assert ran(place, [sys.executable, "-"], text)


def localqwq_commands(block: Block) -> list[list[str]]:
    """The arguments of each ``localqwq`` in a block of shell commands."""
    found: list[list[str]] = []
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["localqwq"]:
            end = words.index("--") if "--" in words else None  # the rest is not for us
            found.append(words[1:end])
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_other_blocks_are_well_formed(page: Path) -> None:
    """What cannot run here: commands exist with these arguments, Python compiles."""
    parser = command_parser()
    for block in blocks(page):
        assert block.language in ("bash", "python", "text", "toml", "json"), block
        if block.language == "python":
            compile(block.code, page.name, "exec")
        elif block.language == "bash":
            for words in localqwq_commands(block):
                parser.parse_args(words)
