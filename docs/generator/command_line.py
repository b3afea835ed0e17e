"""The reference of the command line, read from its parser.

The parser is walked instead of printing its help, which looks different in each version of Python.
"""

import argparse
import textwrap
from collections.abc import Iterator

from docs.generator.markdown import MADE, code, page, table
from localqwq.cli.main import command_parser

_WIDTH = 98
_INTRODUCTION = """\
# Command line

Exit codes: 0 success, 1 failure (one line on stderr that begins with `error:` and says what to
do), 2 wrong usage, 130 interrupted. `--json` prints exactly one JSON document on stdout; everything
else goes to stderr. Sizes in JSON are bytes, times are seconds. `LOCALQWQ_DEBUG=1` adds tracebacks.

`MODEL` is the path of a `.gguf` file, an installed pack (`name` or `name:QUANT`), or `demo`.
Without it, localqwq takes the model in the settings, else the best installed one that fits this
machine, else `demo`.
"""


def command_line_page() -> str:
    """Return the page."""
    parser = command_parser()
    [commands] = _subcommands(parser)
    summaries = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    names = [(f"[`{name}`](#localqwq-{name})", summaries[name]) for name in commands.choices]
    sections = (part for one in commands.choices.values() for part in _command(one, "##"))
    return page(MADE, _INTRODUCTION, table(("command", "does"), names), *sections)


def _command(parser: argparse.ArgumentParser, heading: str) -> Iterator[str]:
    yield f"{heading} {parser.prog}"
    yield f"```text\n{_synopsis(parser)}\n```"
    yield _prose(parser.description or "")
    actions = [action for action in parser._actions if _is_shown(action)]
    if actions:
        yield table(("argument", "meaning"), ((_names(one), _meaning(one)) for one in actions))
    if parser.epilog:
        yield f"```text\n{parser.epilog.strip()}\n```"
    for sub in _subcommands(parser):
        for one in sub.choices.values():
            yield from _command(one, heading + "#")


def _subcommands(
    parser: argparse.ArgumentParser,
) -> "list[argparse._SubParsersAction[argparse.ArgumentParser]]":
    return [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]


def _is_shown(action: argparse.Action) -> bool:
    hidden = (argparse._HelpAction, argparse._SubParsersAction)
    return not isinstance(action, hidden) and action.help != argparse.SUPPRESS


def _synopsis(parser: argparse.ArgumentParser) -> str:
    exclusive = {
        id(action): group
        for group in parser._mutually_exclusive_groups
        for action in group._group_actions
    }
    words: list[str] = []
    for action in parser._actions:
        group = exclusive.get(id(action))
        if isinstance(action, argparse._SubParsersAction):
            words.append(f"{action.metavar} …")
        elif not _is_shown(action) or (group and action is not group._group_actions[0]):
            continue
        elif group:
            words.append(f"[{' | '.join(_usage(one) for one in group._group_actions)}]")
        elif action.required and action.nargs != "*":
            words.append(_usage(action))
        else:
            words.append(f"[{_usage(action)}]")
    # Parts are kept whole when a line is broken.
    glued = " ".join(word.replace(" ", "\N{NO-BREAK SPACE}") for word in words)
    first = f"{parser.prog} "
    lines = textwrap.wrap(
        glued, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(lines or [parser.prog]).replace("\N{NO-BREAK SPACE}", " ")


def _usage(action: argparse.Action) -> str:
    value = _value(action)
    repeated = "…" if isinstance(action, argparse._AppendAction) or action.nargs == "*" else ""
    return " ".join(part for part in (*action.option_strings[:1], value) if part) + repeated


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "|".join(map(str, action.choices))
    return action.dest.upper()


def _names(action: argparse.Action) -> str:
    value = _value(action)
    flags = action.option_strings or [value]
    return ", ".join(
        code(f"{flag} {value}" if value and action.option_strings else flag) for flag in flags
    )


def _meaning(action: argparse.Action) -> str:
    return str(action.help or "") % {"default": action.default, "prog": "localqwq"}


def _prose(text: str) -> str:
    """Return paragraphs filled to the page's width; indented ones are kept as code."""
    parts = (part for part in text.strip("\n").split("\n\n") if part.strip())
    return "\n\n".join(
        f"```text\n{textwrap.dedent(part)}\n```"
        if part.startswith("  ")
        else textwrap.fill(" ".join(part.split()), 100)
        for part in parts
    )
