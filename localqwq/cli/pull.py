"""``localqwq pull``: download a pack, resuming if possible, verify and install it."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from localqwq.cli import help_texts
from localqwq.cli.progress import ByteProgress
from localqwq.cli.terminal_text import CLEAR_LINE, control
from localqwq.demo import is_demo
from localqwq.errors import LocalqwqError
from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.packs.download.meter import Progress
    from localqwq.packs.pull import Installed

_DESCRIPTION = """\
Download a model and install it. Downloads are verified as they arrive. If one is
interrupted, run the same command again to resume it.

PACK is the name of a model in the catalogue (see `localqwq models`) or its name in
Ollama's library, a repository on a hub or the address of its web page, or the URL
or path of a .gguf file or a pack.
Without QUANT, localqwq chooses the quantization that suits this machine."""

_EPILOG = """\
examples:
  localqwq pull qwq-32b
      the quantization that suits this machine, and why
  localqwq pull qwq-32b:Q8_0 --from modelscope
  localqwq pull hf:someone/Some-Model-GGUF:Q4_K_M
      any repository of GGUF files on Hugging Face; ms: for ModelScope
  localqwq pull hf:someone/Some-Models-GGUF/Model-Q4_K_M.gguf --name mine
      one file of it, under another name
  localqwq pull https://example.org/model-Q4_K_M.gguf

HF_ENDPOINT, HF_TOKEN and `hf auth login` work as with Hugging Face's own client."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "pull",
        help="download a model",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pack",
        metavar="PACK[:QUANT]",
        help="catalogue name, hf:OWNER/REPO, ms:OWNER/REPO, URL or path",
    )
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="SOURCE",
        help="source for a model in the catalogue: huggingface, modelscope, a URL or a folder",
    )
    parser.add_argument("--name", metavar="NAME", help="name for the pack")
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit")
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)


def run(arguments: argparse.Namespace) -> int:
    """Pull, and print the result."""
    if not arguments.pack.strip():
        raise LocalqwqError("No model is named: `localqwq models` lists those in the catalogue.")
    if is_demo(arguments.pack):
        raise LocalqwqError("The demo is built in: `localqwq chat demo` uses it at once.")
    installed = download(arguments.pack, arguments.origin, arguments.revision, arguments.name)
    if arguments.json:
        print(json.dumps(_as_json(installed), indent=2))
    else:
        print("\n".join(_lines(installed)))
    return 0


def download(
    pack: str, origin: str | None = None, revision: str | None = None, name: str | None = None
) -> "Installed":
    """Pull a model and show the progress."""
    from localqwq.models.choosing import ChooseForHere
    from localqwq.packs.pull import pull

    with ByteProgress(f"pulling {pack}") as bar:
        watcher = Watcher(bar)
        try:
            return pull(
                pack,
                origin=origin,
                revision=revision,
                name=name,
                choose=ChooseForHere(),
                on_progress=watcher,
            )
        except KeyboardInterrupt:
            watcher.say(
                "interrupted: what was downloaded is kept; run the same command again to resume"
            )
            raise


class Watcher:
    """Show progress as a bar, and events as lines."""

    def __init__(self, bar: ByteProgress) -> None:
        self._bar = bar
        self._note = ""
        self._stage = ""
        self._begun = False

    def __call__(self, progress: "Progress") -> None:
        if progress.note != self._note:
            self._note = progress.note
            self.say(progress.note)
        if progress.stage != self._stage:
            self._stage = progress.stage
            if progress.stage == "waiting":
                self.say(f"waiting for another pull of {progress.spec}")
        if progress.total:
            if not self._begun:
                self._bar.begin()  # the time before was spent asking
            self._begun = True
            self._bar(progress.done, progress.total, progress.before)

    def say(self, line: str) -> None:
        if line:
            if sys.stderr.isatty():
                control(sys.stderr, CLEAR_LINE)
            print(line, file=sys.stderr, flush=True)


def _as_json(installed: "Installed") -> dict[str, object]:
    return {
        "installed": [
            {
                "name": model.name,
                "quant": model.quant,
                "path": str(model.path),
                "bytes": model.bytes,
            }
            for model in installed.models
        ],
        "source": installed.source or None,
        "fetched": installed.fetched,
        "why": installed.why or None,
    }


def _lines(installed: "Installed") -> list[str]:
    lines = []
    for model in installed.models:
        state = f"installed {model.spec} ({readable_size(model.bytes)})"
        if not installed.source:
            state = f"{model.spec} is already installed ({readable_size(model.bytes)})"
        lines.append(f"{state}: localqwq chat {model.spec}")
    return lines
