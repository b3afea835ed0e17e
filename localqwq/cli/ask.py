"""``localqwq ask``: answer one prompt."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localqwq.agent.names import BUILTIN
from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.cli.endpoint_client import endpoint_client
from localqwq.cli.endpoint_options import add_endpoint
from localqwq.cli.engine_ahead import engine_ahead, load_ahead
from localqwq.cli.launch_options import add_launch_options, launch_options
from localqwq.cli.model_argument import add_model
from localqwq.cli.settings import default_endpoint, read_settings
from localqwq.cli.template_options import add_chat_template
from localqwq.cli.tool_options import add_tools, wrong_tools
from localqwq.gguf.sampling import INT32_MAX
from localqwq.locations import running_socket

if TYPE_CHECKING:
    from localqwq.agent.tool import AgentTool
    from localqwq.cli.answer_output import AnswerPrinter
    from localqwq.client.chat_client import ChatClient
    from localqwq.client.collected import Collected
    from localqwq.client.endpoints import FoundEndpoint
    from localqwq.client.options import ChatOptions
    from localqwq.models.launch import Launch
    from localqwq.models.launch_options import LaunchOptions
    from localqwq.reasoning.messages import Message
    from localqwq.settings.schema import Settings

_WRONG_USAGE = 2
_AT_ONCE = 4
"""Samples that are drawn at the same time, unless --parallel says otherwise."""
_SAMPLING = (
    ("temperature", "F", "higher values give more varied answers"),
    ("top_p", "F", "sample from the likeliest tokens that together reach this probability"),
    ("top_k", "N", "sample from the N likeliest tokens"),
    ("min_p", "F", "minimum probability, relative to the likeliest token"),
)
"""Sampling options: name, placeholder, help."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and its options; ``None`` leaves a value to the model."""

    words: tuple[str, ...] = ()
    """The prompt's words; stdin is added to them, or is the whole prompt if there are none."""
    model: str | None = None
    """``MODEL``, or with an endpoint the name of its model."""
    endpoint: str | None = None
    """URL of a server to use instead of a local model, or its name in the settings."""
    system: str | None = None
    thoughts: bool = True
    """Whether to show thoughts on stderr."""
    samples: int = 1
    """Number of thoughts; of several, the answer that most agree on is printed."""
    tools: tuple[str, ...] = ()
    """Names of built-in tools that the model may call."""
    yes_to: tuple[str, ...] = ()
    """Those of them that it may call without asking."""
    folders: tuple[str, ...] = ()
    """Folders that they may read, and those ending in ``:rw`` that they may write."""
    json: bool = False
    """Whether to print one JSON document instead of text."""
    load: "LaunchOptions | None" = None
    """The options for loading a local model; None leaves a value to the plan."""
    think_budget: int | None = None
    """Maximum tokens of thought."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    chat_template: str | None = None
    """A file or a built-in template to use instead of the model's own."""
    opens_thought: bool | None = None
    """Whether the endpoint's answers begin inside the thought; ``None``: as in the settings, or as
    its answers show.
    """


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "ask",
        help="answer one prompt",
        description="Answer one prompt, streaming the answer to stdout and the thought to stderr.",
    )
    parser.add_argument(
        "prompt",
        nargs="*",
        metavar="PROMPT",
        help="the prompt; @FILE attaches a file. Text on stdin is put before it, or is the prompt "
        "if there is none",
    )
    add_model(parser, positional=False)
    add_endpoint(parser)
    parser.add_argument("--system", metavar="TEXT", help="system message")
    parser.add_argument(
        "--think-budget",
        type=types.whole(-1, INT32_MAX),
        metavar="N",
        help="maximum tokens of thought; -1 for no limit",
    )
    parser.add_argument(
        "--no-thoughts", dest="thoughts", action="store_false", help="hide the thought"
    )
    parser.add_argument(
        "--max-tokens",
        type=types.whole(1),
        metavar="N",
        help="maximum tokens to generate, including the thought",
    )
    add_chat_template(parser)
    for name, metavar, words in _SAMPLING:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=types.sampling(name), metavar=metavar, help=words)
    parser.add_argument(
        "--samples",
        type=types.whole(1, 1_000),
        default=1,
        metavar="N",
        help="answer N times, and print the answer that most of them agree on",
    )
    parser.add_argument(
        "--seed",
        type=types.whole(-(2**63), 2**63 - 1),
        metavar="N",
        help="the same seed gives the same answer",
    )
    add_tools(parser)
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    add_launch_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer the prompt."""
    values = vars(arguments)
    known = {name: values[name] for name in Question.__slots__ if name not in ("words", "load")}
    load = launch_options(arguments)
    return ask(Question(words=tuple(arguments.prompt), load=load, **known))


def ask(question: Question) -> int:
    """Print the answer to a question and return the exit code."""
    from localqwq.cli.prompt_text import prompt_text

    prompt = prompt_text(question.words)
    if not prompt.strip():
        print("error: The prompt is empty: give it as an argument or on stdin.", file=sys.stderr)
        return _WRONG_USAGE
    messages: list[Message] = [{"role": "user", "content": _encodable(prompt)}]
    if question.samples > 1 and question.temperature == 0:
        print("error: At temperature 0 all samples are the same answer.", file=sys.stderr)
        return _WRONG_USAGE
    servers = _server_prefixes(question)
    if sentence := wrong_tools(
        question.tools, question.yes_to, question.folders, question.samples, servers
    ):
        print(f"error: {sentence}", file=sys.stderr)
        return _WRONG_USAGE
    if question.system:
        messages.insert(0, {"role": "system", "content": _encodable(question.system)})
    question = replace(question, endpoint=question.endpoint or default_endpoint(question.model))
    with _tools(question) as (tools, yes_to):
        question = replace(question, yes_to=yes_to)
        running = None if question.endpoint else _running(question)
        if running is not None and _is_answered_by(running, question, messages, tools):
            return 0
        if question.endpoint:
            asyncio.run(_answer(question, messages, tools, None, _printer(question)))
            return 0
        with engine_ahead():
            launch = _plan(question)
            load_ahead(launch)
            asyncio.run(_answer(question, messages, tools, launch, _printer(question)))
    return 0


def _printer(question: Question) -> "AnswerPrinter":
    from localqwq.cli.answer_output import AnswerPrinter

    return AnswerPrinter(thoughts=question.thoughts)


def _is_answered_by(
    running: "FoundEndpoint",
    question: Question,
    messages: "list[Message]",
    tools: "list[AgentTool]",
) -> bool:
    """Have the running server answer; return False if it ended before anything was seen of it."""
    from localqwq.client.running_server import ServerEnded

    printer = _printer(question)
    try:
        asyncio.run(_answer(question, messages, tools, running, printer))
    except ServerEnded:
        if printer.has_begun or tools:  # calls are not made twice
            raise
        print("The running server has ended, so the model is loaded here.", file=sys.stderr)
        return False
    return True


def _server_prefixes(question: Question) -> list[str]:
    """Return the names of MCP servers, if any of them may be meant."""
    if not set(question.tools) - set(BUILTIN):
        return []
    from localqwq.cli.ask_servers import server_prefixes

    return server_prefixes()


@contextmanager
def _tools(question: Question) -> "Iterator[tuple[list[AgentTool], tuple[str, ...]]]":
    """Yield the tools that the model may call, and the names of those that need no permission.

    What they lack, such as a sandbox, is said before a model is loaded. MCP servers run meanwhile.
    """
    if not question.tools:
        yield [], question.yes_to
        return
    from localqwq.agent.builtin import builtin_tools
    from localqwq.agent.folders import Folders, opened_folder

    folders = [opened_folder(one) for one in question.folders]
    tools = builtin_tools([one for one in question.tools if one in BUILTIN], Folders(folders))
    others = [one for one in question.tools if one not in BUILTIN]
    if not others:
        yield tools, question.yes_to
        return
    from localqwq.cli.ask_servers import server_tools

    with server_tools(others, question.yes_to, folders) as (more, yes_to):
        yield [*tools, *more], tuple(yes_to)


def _running(question: Question) -> "FoundEndpoint | None":
    """Return the running server, if it has the model and nothing else is said about loading it."""
    from localqwq.models.launch_options import LaunchOptions

    is_plain = question.load in (None, LaunchOptions()) and question.chat_template is None
    if not (is_plain and running_socket()):
        return None
    from localqwq.client.running_server import running_model

    return running_model(question.model)


def _plan(question: Question) -> "Launch":
    from localqwq.cli.model_offer import resolved_or_pulled
    from localqwq.models.launching import launch

    load = question.load
    if question.samples > 1 and load is not None and load.parallel is None:
        load = replace(load, parallel=min(question.samples, _AT_ONCE))
    return launch(
        resolved_or_pulled(question.model),
        load,
        keep_states=False,
        chat_template=question.chat_template,
    )


async def _answer(
    question: Question,
    messages: "list[Message]",
    tools: "list[AgentTool]",
    who: "FoundEndpoint | Launch | None",
    printer: "AnswerPrinter",
) -> None:
    """Have the running server, an engine of this command's own, or the endpoint answer."""
    from localqwq.cli.answer_output import as_json
    from localqwq.client.collected import Collected
    from localqwq.client.endpoints import FoundEndpoint

    asked: AbstractAsyncContextManager[tuple[ChatClient, str | None]]
    try:
        if who is None:
            asked = endpoint_client(question.endpoint or "", question.model, question.opens_thought)
        elif isinstance(who, FoundEndpoint):
            asked = _server(who)
        else:
            asked = _engine(who, printer)
        async with asked as (client, model):
            options = _options(question, read_settings(), model)
            if isinstance(who, FoundEndpoint):  # as with an engine of its own, which keeps nothing
                options = replace(options, more={**options.more, "cache_on_disk": False})
            if question.endpoint and await client.opens_thought(model) is None:
                printer.hold()
            if question.samples > 1:
                from localqwq.cli.ask_vote import vote

                await vote(
                    client, messages, options, question.samples, printer, as_json=question.json
                )
                return
            if tools:
                from localqwq.cli.ask_tools import answer_with_tools

                await answer_with_tools(
                    client,
                    messages,
                    options,
                    tools,
                    question.yes_to,
                    printer,
                    as_json=question.json,
                )
                return
            if not question.json:
                await _show(client, messages, options, printer)
                return
            collected = Collected()
            await _show(client, messages, options, collected)
            printer.end()
            print(json.dumps(as_json(collected, model), ensure_ascii=False, indent=2))
    finally:
        printer.close()


async def _show(
    client: "ChatClient",
    messages: "list[Message]",
    options: "ChatOptions",
    output: "AnswerPrinter | Collected",
) -> None:
    async with aclosing(client.chat(messages, options)) as events:
        async for event in events:
            output.take(event)


@asynccontextmanager
async def _server(running: "FoundEndpoint") -> "AsyncIterator[tuple[ChatClient, str | None]]":
    """Yield a client of the server that is running already."""
    from localqwq.client.running_server import running_client

    async with running_client(running) as client:
        yield client, running.model


@asynccontextmanager
async def _engine(
    launch: "Launch", printer: "AnswerPrinter"
) -> "AsyncIterator[tuple[ChatClient, str | None]]":
    """Yield a client of a child process with the model loaded, which ends with the context."""
    from localqwq.cli.local_client import local_client

    def say(sentence: str) -> None:
        printer.end()
        print(sentence, file=sys.stderr, flush=True)

    printer.status(f"Loading {launch.name} …")
    async with local_client(launch, say) as client:
        yield client, launch.name


def _options(question: Question, settings: "Settings", model: str | None) -> "ChatOptions":
    """Return the command line's values, with the settings' as defaults."""
    from localqwq.client.options import chat_options

    chosen = chat_options(settings, model, goes_on=False)
    budget = question.think_budget
    return replace(
        chosen,
        reasoning_budget=chosen.reasoning_budget if budget is None else budget,
        reasoning_effort=chosen.reasoning_effort if budget is None else None,
        max_tokens=question.max_tokens,
        temperature=question.temperature,
        top_p=question.top_p,
        top_k=question.top_k,
        min_p=question.min_p,
        seed=question.seed,
    )


def _encodable(text: str) -> str:
    """Return the text without surrogates, which stand for an argument's invalid bytes."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
