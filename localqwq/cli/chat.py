"""``localqwq chat``: chat in the terminal app."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli.endpoint_options import add_endpoint
from localqwq.cli.launch_options import add_launch_options, launch_options
from localqwq.cli.model_argument import add_model
from localqwq.cli.template_options import add_chat_template
from localqwq.errors import LocalqwqError
from localqwq.locations import conversations_file

if TYPE_CHECKING:
    from localqwq.client.endpoints import FoundEndpoint
    from localqwq.tui.keyboard.typed_ahead import TypedAhead
    from localqwq.tui.session.local_supply import LocalSupply
    from localqwq.tui.session.models import Model


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "chat",
        help="chat in the terminal app (the default)",
        description="Open the app with the last conversation; Ctrl+N in the app starts a new one. "
        "Without a terminal it works like `localqwq ask`, and on a terminal that cannot move the "
        "cursor (TERM=dumb) like --plain.",
    )
    add_model(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="open the last conversation; fail if there is none",
    )
    which.add_argument(
        "--resume", type=int, metavar="ID", help="open the conversation with this id"
    )
    add_endpoint(parser)
    parser.add_argument("--system", metavar="TEXT", help="system message for new conversations")
    parser.add_argument(
        "--plain",
        action="store_true",
        help="chat line by line, for screen readers and pipes",
    )
    add_chat_template(parser)
    add_launch_options(parser, "2")


def run(arguments: argparse.Namespace) -> int:
    """Open the app, or answer stdin if there is no terminal."""
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if arguments.plain or (on_terminal and os.environ.get("TERM", "") in ("dumb", "unknown")):
        return _plain(arguments)
    if not on_terminal:
        from localqwq.cli.ask import Question, ask

        return ask(
            Question(
                model=arguments.model,
                endpoint=arguments.endpoint,
                opens_thought=arguments.opens_thought,
                system=arguments.system,
                load=launch_options(arguments),
                chat_template=arguments.chat_template,
            )
        )
    if not sys.stderr.isatty():
        raise LocalqwqError("The app needs stderr for drawing: run it without redirecting stderr.")
    # Nothing loaded for the first frame is garbage; the app enables collection after it.
    gc.disable()
    from localqwq.tui.keyboard.typed_ahead import terminal_kept
    from localqwq.tui.terminal.signals import ended_by_signals

    with ended_by_signals(), terminal_kept(sys.stdin.fileno()) as typed_ahead:
        return _chat(arguments, typed_ahead)


def _chat(arguments: argparse.Namespace, typed_ahead: TypedAhead) -> int:
    from localqwq.tui.app import ChatApp
    from localqwq.tui.session.beginning import Beginning
    from localqwq.tui.session.local_supply import LocalSupply
    from localqwq.tui.terminal.signals import on_ending_signals
    from localqwq.tui.terminal.watch import TerminalWatch

    watch = TerminalWatch(sys.stdin.fileno())
    conversations = conversations_file()
    resume = _resumed(conversations, arguments.resume, arguments.go_on)
    beginning = Beginning(resume, arguments.system or "")
    supply = LocalSupply()
    model = _model(arguments, supply)
    app = ChatApp(model, conversations, beginning, supply=supply, typed_ahead=typed_ahead)
    watch.end = app.end
    on_ending_signals(app.end)
    failure = app.run()
    for sentence in app.left:
        print(f"error: {sentence}", file=sys.stderr)
    if failure is not None:
        raise LocalqwqError(failure)
    if app.failure is not None:
        raise app.failure
    return app.return_code or (1 if app.left else 0)


def _plain(arguments: argparse.Namespace) -> int:
    import asyncio

    from localqwq.cli.terminal_text import control
    from localqwq.tui.plain.chat import PlainChat
    from localqwq.tui.session.beginning import Beginning
    from localqwq.tui.session.local_supply import LocalSupply

    async def chat() -> int:
        return await PlainChat(model, conversations, beginning, supply, ring).run()

    def ring() -> None:
        control(sys.stdout, "\a")
        sys.stdout.flush()

    conversations = conversations_file()
    resume = _resumed(conversations, arguments.resume, arguments.go_on)
    beginning = Beginning(resume, arguments.system or "")
    supply = LocalSupply()
    model = _model(arguments, supply)
    return asyncio.run(chat())


def _resumed(conversations: Path, resume: int | None, go_on: bool) -> int | None:
    """Return the id of the requested conversation; None if none was requested."""
    if resume is None and not go_on:
        return None
    from localqwq.conversations.store import Store

    with Store(conversations) as store:
        found = store.last() if resume is None else store.get(resume)
    if found is None:
        raise LocalqwqError("There is no conversation to continue yet: start one with `localqwq`.")
    return found.id


def _model(arguments: argparse.Namespace, supply: LocalSupply) -> Model:
    from localqwq.cli.settings import default_endpoint
    from localqwq.tui.session.models import RemoteModel

    endpoint = arguments.endpoint or default_endpoint(arguments.model)
    if endpoint is None:
        # Not before the first frame: they load pydantic.
        return supply.first(
            arguments.model, lambda: launch_options(arguments), arguments.chat_template
        )

    def find() -> FoundEndpoint:
        # Not before the first frame: it loads the settings' schema.
        from localqwq.client.endpoints import wanted_endpoint

        return wanted_endpoint(endpoint, arguments.opens_thought)

    return RemoteModel(find, arguments.model)
