"""``localqwq completion``: shell completion for commands and options."""

import argparse

SHELLS = ("bash", "zsh", "fish")
_FILES = {"FILE", "PATH", "FILE_OR_DIR", "CHECKPOINT", "MODEL_OR_CONFIG", "MODEL", "DIR_OR_PACK"}
_FOLDERS = {"DIR"}
_DESCRIPTION = """\
Print a completion script. To install it:

  bash   localqwq completion bash > ~/.local/share/bash-completion/completions/localqwq
  zsh    localqwq completion zsh > a-directory-in-$fpath/_localqwq
  fish   localqwq completion fish > ~/.config/fish/completions/localqwq.fish

It takes effect in new shells. Create the directory first if it does not exist."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "completion",
        help="print a completion script for bash, zsh or fish",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="your shell")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from localqwq.cli.main import command_parser

    parser = command_parser()
    _prepare(parser)
    print(shtab.complete(parser, arguments.shell))
    return 0


def _prepare(parser: argparse.ArgumentParser) -> None:
    """Make files and folders complete, by their names in the help, and describe commands."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                sub = action.choices[choice.dest]
                sub.description = choice.help  # shells show it in one line
                _prepare(sub)
        elif action.metavar in _FILES:
            vars(action)["complete"] = shtab.FILE
        elif action.metavar in _FOLDERS:
            vars(action)["complete"] = shtab.DIRECTORY
