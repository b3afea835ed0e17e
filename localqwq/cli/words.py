"""Converting parsed arguments back to words, for a program that is to run the same later."""

import argparse
from collections.abc import Iterator
from pathlib import Path


def command_words(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    """Return the arguments that differ from their defaults, as words for the same parser.

    Plain switches, such as ``--json``, are left out. Paths of existing files become absolute,
    since the program may run in another directory.
    """
    return [word for action in parser._actions for word in _words(action, vars(arguments))]


def _words(action: argparse.Action, values: dict[str, object]) -> Iterator[str]:
    value = values.get(action.dest)
    if isinstance(action, argparse.BooleanOptionalAction) and value is not None:
        yield action.option_strings[0 if value else 1]
        return
    if action.nargs == 0 or value is None or value == action.default:
        return
    for one in value if isinstance(value, list) else [value]:
        text = str(one)
        is_file = isinstance(one, Path) or (not action.option_strings and Path(text).exists())
        text = str(Path(text).absolute()) if is_file else text
        # As one word, so that a value may begin with a dash.
        yield f"{action.option_strings[-1]}={text}" if action.option_strings else text
