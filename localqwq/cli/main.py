"""The command ``localqwq``: find the command, run it, and report failures.

Only the chosen command's module is imported, and it imports what it needs when it runs, so
``--version`` and ``--help`` are instant.
"""

import argparse
import atexit
import errno
import gc
import importlib
import io
import keyword
import os
import sys
import traceback
from collections.abc import Container, Sequence
from pathlib import Path
from types import ModuleType
from typing import TextIO

from localqwq.cli.first_word import UnknownCommandError, with_command
from localqwq.cli.terminal_text import TerminalText, harmless_terminals
from localqwq.errors import LocalqwqError
from localqwq.interruption import interrupted
from localqwq.platforms import unsupported
from localqwq.version import __version__
from localqwq.visible import one_line

COMMANDS = {
    "chat": "chat in the terminal app (the default)",
    "ask": "answer one prompt",
    "serve": "run an OpenAI-compatible server",
    "launch": "start another program, such as an agent, with a local model",
    "ps": "list the models of the running server",
    "stop": "take a model of the running server out of memory",
    "conversations": "list, search and back up conversations",
    "export": "export conversations as Markdown or JSON",
    "import": "import conversations from localqwq, ChatGPT, Claude or Open WebUI",
    "mcp": "servers whose tools a model may call",
    "models": "list models; show, verify, add or remove one",
    "pull": "download a model",
    "plan": "show where each layer of a model would go, and why",
    "bench": "measure the speed of a model on this machine",
    "eval": "measure how often a model is right",
    "doctor": "show devices, memory and backends, and suggest improvements",
    "convert": "convert a Hugging Face checkpoint to GGUF",
    "quality": "measure perplexity, and divergence from a reference",
    "imatrix": "compute an importance matrix for small quantizations",
    "publish": "upload a pack to the Hugging Face hub",
    "logs": "show the log of the last engine",
    "completion": "print a completion script for bash, zsh or fish",
}
"""One line of help per command; ``localqwq.cli.<name>`` has its ``register`` and ``run``.

Modules named like Python keywords end in an underscore.
"""

FAILED = 1
_HUNG_UP = 129
"""Exit code, as a shell reports an end by SIGHUP."""
_NEW_OBJECTS = 20_000
"""New objects between two looks for garbage; Python's 700 cost a tenth of all imports."""
_WITH_REST = frozenset({"launch", "mcp"})
"""Commands that pass on the words after ``--``, as ``rest``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)  # the system frees memory faster than a last look for garbage
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old locale must not cost the answer
    with harmless_terminals():
        code = _code(sys.argv[1:] if argv is None else list(argv))
        _give_up_lost_terminals()
        return code


def _code(argv: list[str]) -> int:
    code = _HUNG_UP
    try:
        if (sentence := unsupported()) and os.name != "posix":
            raise LocalqwqError(sentence)
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_has_gone()
    except KeyboardInterrupt:
        return interrupted()
    except LocalqwqError as error:
        return _failed(str(error))
    except OSError as error:
        if error.errno == errno.EIO and isinstance(sys.stdout, TerminalText):
            return code  # its terminal is gone
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and error.filename is None:
            _write_nowhere(sys.stdout)
            return _failed(f"The output cannot be written: {error.strerror}.")
        if error.filename is None:
            return _failed(_internal(error))
        return _failed(f"{error.filename}: {error.strerror}.")
    except Exception as error:
        return _failed(_internal(error))
    return code


def _run(argv: list[str]) -> int:
    try:
        name, *_ = words = with_command(argv, COMMANDS)
        arguments = _parsed(name, words)
    except UnknownCommandError as error:
        command_parser(()).print_usage(sys.stderr)
        print(f"localqwq: error: {one_line(str(error))}", file=sys.stderr)
        return 2
    except SystemExit as stop:  # --help, --version or wrong usage
        return stop.code if isinstance(stop.code, int) else FAILED
    return int(_module(name).run(arguments))


def _parsed(name: str, words: list[str]) -> argparse.Namespace:
    """Return the parsed arguments; errors show the usage of the command itself."""
    parser = command_parser({name})
    words, rest = _parted(words) if name in _WITH_REST else (words, None)
    arguments, left = parser.parse_known_args(words)
    if rest is not None:
        arguments.rest = rest
    if left:
        named = next(
            action.choices[name]
            for action in parser._actions
            if isinstance(action, argparse._SubParsersAction)
        )
        sentence = f"unrecognized arguments: {' '.join(left)}"
        if name == "chat" and not left[0].startswith("-"):
            sentence += f"; to ask a question, use `localqwq ask -m {arguments.model} …`"
        named.error(sentence)
    return arguments


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words before the first ``--``, and those after it."""
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]


def command_parser(detailed: Container[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Only the ``detailed`` commands get their arguments, because only their modules are imported; the
    others are listed by name.
    """
    parser = argparse.ArgumentParser(
        prog="localqwq",
        description="QwQ-32B and its relatives on your own computer.",
        epilog="Run `localqwq COMMAND --help` for help on one command.",
    )
    parser.add_argument("--version", action="version", version=f"localqwq {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, line in COMMANDS.items():
        if name in detailed:
            _module(name).register(subparsers)
        else:
            subparsers.add_parser(name, help=line)
    return parser


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"localqwq.cli.{command}{'_' * keyword.iskeyword(command)}")


def _failed(sentence: str) -> int:
    if os.environ.get("LOCALQWQ_DEBUG") == "1":
        traceback.print_exc()
    # One line, whatever is in a file name or a library's message.
    print(f"error: {' '.join(one_line(sentence).split())}", file=sys.stderr)
    return FAILED


def _internal(error: Exception) -> str:
    hint = "(set LOCALQWQ_DEBUG=1 for the traceback)"
    return f"internal error: {type(error).__name__}: {error} {hint}"


def _reader_has_gone() -> int:
    _write_nowhere(sys.stdout)
    return FAILED


def _give_up_lost_terminals() -> None:
    """Keep the exit code if what is left to write cannot be written."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None and not stream.closed:
            try:
                stream.flush()
            except OSError:
                _write_nowhere(stream)


def _write_nowhere(stream: TextIO) -> None:
    # The interpreter flushes its streams once more at exit, which must not fail again.
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
