"""The entry point of ``make``: ``python -m localqwq.installation install|with|link|unlink``."""

import argparse
import os
import signal
import sys
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.installation.beside import libraries_for, run_with
from localqwq.installation.build import install
from localqwq.installation.links import link, unlink
from localqwq.installation.recipe import (
    Installed,
    choose_recipe,
    project_checksum,
    read_installed,
    write_installed,
)
from localqwq.interruption import interrupted

TREE = Path(__file__).resolve().parents[2]
VENV = TREE / ".venv"
PROGRAM = VENV / "bin" / "localqwq"


def main() -> int:
    """Run one of the commands and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m localqwq.installation")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="install this tree into .venv")
    installing.add_argument("--backend", default="", help="backend to compile llama.cpp for")
    installing.add_argument(
        "--extra",
        action="append",
        default=[],
        help="optional dependencies of pyproject.toml to install",
    )
    installing.add_argument("--recompile", action="store_true", help="recompile llama.cpp")
    running = commands.add_parser("with", help="run a program with another backend's llama.cpp")
    running.add_argument("--backend", default="", help="that backend; empty: the installed one")
    running.add_argument("program", nargs=argparse.REMAINDER, help="the program and its arguments")
    commands.add_parser("link", help="make localqwq a command")
    commands.add_parser("unlink", help="remove that command")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        if arguments.command == "install":
            bring_up_to_date(arguments.backend, arguments.extra, arguments.recompile)
        elif arguments.command == "with":
            run_with(_libraries(arguments.backend), arguments.program)
        else:
            print((link if arguments.command == "link" else unlink)(PROGRAM))
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; run the same command to continue.", file=sys.stderr)
        return interrupted()
    return 0


def bring_up_to_date(backend: str, extras: list[str], recompile: bool) -> None:
    """Install what is missing or has changed."""
    state = VENV / "localqwq.json"
    there = None if recompile else read_installed(state)
    built = read_installed(state)
    recipe = choose_recipe(
        TREE / "constraints.txt", backend, os.environ, built.llama if built else None
    )
    kept = there.extras if there else ()
    wanted = Installed(recipe, project_checksum(TREE), tuple(sorted({*extras, *kept})))
    if there and there.has(wanted):
        return
    state.unlink(missing_ok=True)
    same_llama = there is not None and there.llama == recipe
    if not same_llama:
        print(f"Installing localqwq into {VENV}; llama.cpp is compiled for this machine.")
    install(TREE, VENV, wanted.extras, None if same_llama else recipe)
    write_installed(state, wanted)


def _libraries(backend: str) -> Path | None:
    """Return the folder of the libraries for ``backend``; ``None`` for the installed ones."""
    if not backend:
        return None
    recipe = choose_recipe(TREE / "constraints.txt", backend, os.environ, None)
    return libraries_for(TREE, recipe)


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
