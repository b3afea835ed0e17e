"""``localqwq chat``: talk with a model in the terminal app."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.locations import data_directory

if TYPE_CHECKING:
    from localqwq.tui.models import Local, Model


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "chat",
        help="talk with a model in the terminal app (this is what no command means)",
        description="Opens the last conversation again; Ctrl+N in the app begins a new one. "
        "Without a terminal it does what `localqwq ask` does.",
    )
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="path of a .gguf, NAME, NAME:QUANT, or demo"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--continue", dest="go_on", action="store_true", help="open the last conversation, or fail"
    )
    which.add_argument("--resume", type=int, metavar="ID", help="open this conversation")
    parser.add_argument("--endpoint", metavar="URL", help="talk with this OpenAI-compatible server")
    parser.add_argument(
        "--system", metavar="TEXT", help="system message of the conversations that begin now"
    )
    parser.add_argument("--ctx", type=int, metavar="N", help="context in tokens")


def run(arguments: argparse.Namespace) -> int:
    """Open the app, or answer stdin where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        from localqwq.cli.ask import Question, ask

        return ask(
            Question(
                model=arguments.model,
                endpoint=arguments.endpoint,
                system=arguments.system,
                ctx=arguments.ctx,
            )
        )
    if not sys.stderr.isatty():
        raise LocalqwqError("The app draws through stderr: run it without redirecting that.")
    from localqwq.tui.app import ChatApp
    from localqwq.tui.session import Beginning
    from localqwq.tui.terminal import end_with_terminal

    end_with_terminal(sys.stdin.fileno())
    conversations = data_directory() / "conversations.sqlite"
    resume = _resumed(conversations, arguments.resume, arguments.go_on)
    beginning = Beginning(resume, arguments.system or "")
    failure = ChatApp(_model(arguments), conversations, beginning).run()
    if failure is not None:
        raise LocalqwqError(failure)
    return 0


def _resumed(conversations: Path, resume: int | None, go_on: bool) -> int | None:
    """The id of the conversation that was asked for; None when none was."""
    if resume is None and not go_on:
        return None
    from localqwq.conversations.store import Store

    with Store(conversations) as store:
        found = store.last() if resume is None else store.get(resume)
    if found is None:
        raise LocalqwqError("There is no conversation to continue yet; start with `localqwq`.")
    return found.id


def _model(arguments: argparse.Namespace) -> Model:
    from localqwq.tui.models import LocalModel, RemoteModel

    if arguments.endpoint is not None:
        from localqwq.endpoint import Endpoint

        key = os.environ.get("LOCALQWQ_API_KEY")
        return RemoteModel(Endpoint.parse(arguments.endpoint, key), arguments.model)
    spec, ctx = arguments.model, arguments.ctx

    def find() -> Local:
        from localqwq.cli.model import launch, resolve
        from localqwq.tui.models import Local

        resolved = resolve(spec)
        return Local(resolved.name, resolved.quant, launch(resolved, ctx, parallel=2))

    return LocalModel(find)
