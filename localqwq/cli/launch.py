"""``localqwq launch``: start another program with a local model."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localqwq.children import OWN_GROUP, command, lifeline
from localqwq.cli import help_texts
from localqwq.cli.endpoint_client import endpoint_client
from localqwq.cli.launch_options import add_launch_options
from localqwq.cli.model_argument import add_model
from localqwq.cli.programs import KEY, PROGRAMS, Served, Setup, setup_of
from localqwq.cli.words import command_words
from localqwq.errors import LocalqwqError

_USUAL_URL = "http://127.0.0.1:8080"
_READY = "listening on "
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
_LAST_LINES = 5
"""Lines of the server's that are shown if it ends before the program."""
_DESCRIPTION = """\
Start a program that uses a language model, such as a coding agent, with a local
model. A server runs as long as the program does; none of the program's files are
changed.

Known by name: {names}. Any other program gets the
environment variables that clients of the OpenAI and Anthropic APIs read."""
_EXAMPLES = """\
examples:
  localqwq launch codex -m qwq-32b
  localqwq launch claude -m qwq-32b -- -p "What does this project do?"
  localqwq launch ./my_script.py
  localqwq launch opencode --endpoint http://127.0.0.1:8080
      use a server that runs already
  localqwq launch codex --print
      show the command for a server on port 8080, and start nothing
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "launch",
        help="start another program, such as an agent, with a local model",
        description=_DESCRIPTION.format(names=", ".join(PROGRAMS)),
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="localqwq launch PROGRAM [-m MODEL] [options] [-- ARGUMENT ...]",
    )
    parser.add_argument("program", metavar="PROGRAM", help="the program's command")
    add_model(parser, positional=False)
    parser.add_argument("--endpoint", metavar="URL", help=help_texts.ENDPOINT)
    parser.add_argument(
        "--print", action="store_true", help="show how it would be started, and start nothing"
    )
    add_launch_options(parser, "4")
    serve = argparse.ArgumentParser()
    add_model(serve, positional=False)
    add_launch_options(serve)
    parser.set_defaults(words=lambda arguments: command_words(serve, arguments), rest=[])


def run(arguments: argparse.Namespace) -> int:
    """Start the program and return its exit code."""
    name: str = arguments.program
    rest: list[str] = arguments.rest
    if arguments.print:
        served = _printed(arguments.endpoint, arguments.model)
        print("\n".join(_shell_lines(name, setup_of(name, served), rest)))
        return 0
    path = _installed(name)
    with ExitStack() as stack:
        server = None
        if arguments.endpoint is None:
            server = stack.enter_context(_server(arguments.words(arguments)))
        asked = asyncio.run(_asked(server.url if server else arguments.endpoint, arguments.model))
        setup = setup_of(Path(name).name, asked)
        code = _run([path, *setup.words, *rest], setup.environment)
        if server is not None:
            server.tell_of_end()
    return code


def _printed(endpoint: str | None, model: str | None) -> Served:
    """Return what to point at without asking any server."""
    if endpoint is None:
        return Served(_USUAL_URL, model or "default")
    from localqwq.client.endpoints import wanted_endpoint

    found = wanted_endpoint(endpoint, None)
    key = "$KEY" if found.endpoint.api_key else KEY  # a key is not for the screen
    return Served(found.endpoint.url, model or found.model or "default", key)


def _shell_lines(name: str, setup: Setup, rest: Sequence[str]) -> Iterator[str]:
    for variable, value in setup.environment.items():
        yield f"export {variable}={shlex.quote(value)}" if value else f"unset {variable}"
    yield shlex.join([name, *setup.words, *rest])


def _installed(name: str) -> str:
    if path := shutil.which(name):
        return path
    if known := PROGRAMS.get(name):
        raise LocalqwqError(f"{known.title} is not installed: `{known.install}` installs it.")
    raise LocalqwqError(
        f"There is no program {name} on the PATH; known are {', '.join(PROGRAMS)}, and any other "
        "that is installed works, too."
    )


async def _asked(endpoint: str, model: str | None) -> Served:
    """Return the model that a server has, and how long its context gets."""
    from localqwq.client.errors import EndpointError

    async with endpoint_client(endpoint, None, None) as (client, first):
        known = await client.models()
        named = next((one for one in known if model in (one, one.rpartition(":")[0])), first)
        try:
            limits = await client.limits(named)
        except EndpointError:  # a server that is neither ours nor llama.cpp's
            limits = None
    where = client.endpoint
    if named is None:
        raise LocalqwqError(f"The server at {where.url} has no model.")
    return Served(where.url, named, where.api_key or KEY, limits.longest if limits else None)


@dataclass(slots=True)
class _Server:
    url: str
    process: subprocess.Popen[str]
    said: list[str]

    def tell_of_end(self) -> None:
        """Say so if the server did not live as long as the program."""
        if self.process.poll() is not None:
            sys.stderr.writelines(self.said[-_LAST_LINES:])
            print("The server has ended before the program.", file=sys.stderr)


@contextmanager
def _server(words: Sequence[str]) -> Iterator[_Server]:
    """Serve a model on a free port until the block ends.

    What the server says is shown while it loads; the screen belongs to the program afterwards.
    """
    pipe = subprocess.PIPE
    serve = command("localqwq", "serve", "--port=0", *words)
    with (
        lifeline() as stdin,
        subprocess.Popen(
            serve, stdin=stdin, stdout=pipe, stderr=pipe, text=True, process_group=OWN_GROUP
        ) as process,
    ):
        said: list[str] = []
        loaded = threading.Event()
        assert process.stdout is not None
        assert process.stderr is not None
        reader = threading.Thread(target=_relay, args=(process.stderr, said, loaded), daemon=True)
        reader.start()
        try:
            line = process.stdout.readline().strip()
            loaded.set()
            if not line.startswith(_READY):
                process.wait()
                reader.join()
                raise LocalqwqError(_reason(said))
            yield _Server(line.removeprefix(_READY), process, said)
        finally:
            process.terminate()


def _relay(source: IO[str], said: list[str], loaded: threading.Event) -> None:
    """Show lines until the model is loaded, and keep them."""
    for line in source:
        if not loaded.is_set() and not line.startswith("error: "):
            sys.stderr.write(line)
        said.append(line)
        del said[: -2 * _LAST_LINES]


def _reason(said: Sequence[str]) -> str:
    told = (line.removeprefix("error: ") for line in reversed(said) if line.startswith("error: "))
    return next(told, "The server has ended before it was ready; see `localqwq logs`.").strip()


def _run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program on this terminal; return its exit code as a shell does."""
    values = {**os.environ, **environment}
    values = {name: value for name, value in values.items() if environment.get(name, "x")}
    with _passing_on() as pass_to:
        try:
            program = subprocess.Popen(words, env=values)
        except OSError as error:
            raise LocalqwqError(f"{words[0]} cannot be started: {error.strerror}.") from error
        pass_to(program)
        code = program.wait()
    return 128 - code if code < 0 else code


@contextmanager
def _passing_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Leave Ctrl+C to the program, which gets it from the terminal, and pass on other signals.

    Yields what must be called with the program: signals that come while it starts wait for that,
    since it may run before ``Popen`` returns, and would be left alone if a handler raised then.
    """
    running: list[subprocess.Popen[bytes]] = []
    waiting: list[int] = []

    def pass_on(number: int, _: object) -> None:
        if running:
            running[0].send_signal(number)
        else:
            waiting.append(number)

    def pass_to(program: subprocess.Popen[bytes]) -> None:
        running.append(program)
        for number in waiting:
            program.send_signal(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *_PASSED_ON)}
    signal.signal(signal.SIGINT, lambda *_: None)
    for number in _PASSED_ON:
        signal.signal(number, pass_on)
    try:
        yield pass_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
