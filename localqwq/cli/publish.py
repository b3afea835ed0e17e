"""``localqwq publish``: upload a pack to the Hugging Face hub."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from localqwq.cli import help_texts
from localqwq.cli.progress import ByteProgress
from localqwq.locations import expanded, packs_directory
from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.packs.publish.upload import Publication

_DESCRIPTION = """\
Upload a pack to a repository on the Hugging Face hub, with a model card made from
the pack's manifest. Without --yes, only show what would be sent; no connection is
opened.

Log in with `hf auth login`, or set HF_TOKEN. To continue an interrupted upload,
run the same command again."""

_EPILOG = """\
examples:
  localqwq publish packs/qwq-32b --to your-name/qwq-32b-GGUF
      show what would be sent, and the model card
  localqwq publish packs/qwq-32b --to your-name/qwq-32b-GGUF --yes
      upload it
  localqwq publish qwq-32b:Q4_K_M --to your-name/qwq-32b-GGUF --yes
      upload one quantization of an installed pack; other files in the repository are kept"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "publish",
        help="upload a pack to the Hugging Face hub",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pack",
        metavar="DIR_OR_PACK",
        help="a folder made by `convert`, or an installed pack: NAME or NAME:QUANT",
    )
    parser.add_argument(
        "--to",
        metavar="OWNER/NAME",
        required=True,
        help="the repository; created if it does not exist",
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    really = parser.add_mutually_exclusive_group()
    really.add_argument("--yes", action="store_true", help="upload")
    really.add_argument(
        "--dry-run", action="store_true", help="only show what would be sent (the default)"
    )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)


def run(arguments: argparse.Namespace) -> int:
    """Show what would be sent, or send it."""
    publication = _publication(arguments.pack, arguments.to)
    url = _sent(publication, private=arguments.private) if arguments.yes else None
    if arguments.json:
        print(json.dumps(_as_json(publication, url), indent=2))
    elif url:
        print(f"published {publication.manifest.name}: {url}")
        print(f"others get it with `localqwq pull hf:{publication.repository}`")
    else:
        print("\n".join(_preview(publication, private=arguments.private)))
        print(f"\nNothing was sent. To upload it: localqwq publish {arguments.pack}", end="")
        print(f" --to {arguments.to}{' --private' if arguments.private else ''} --yes")
    return 0


def _publication(pack: str, repository: str) -> "Publication":
    """Return the folder or the installed pack, ready to be sent."""
    from localqwq.models.card_advice import advice
    from localqwq.models.chat_templates import prompt_format
    from localqwq.packs.manifest import MANIFEST_NAME, read_manifest
    from localqwq.packs.publish.upload import prepare
    from localqwq.packs.store.store import Store

    directory = expanded(pack)
    if (directory / MANIFEST_NAME).is_file() or os.sep in pack:
        return prepare(directory, read_manifest(directory), repository, prompt_format, advice)
    store = Store(packs_directory())
    wanted = {model.quant for model in store.matching(pack)}
    name = pack.partition(":")[0]
    manifest = store.manifest(name)
    chosen = manifest.limited(wanted)
    return prepare(store.root / name, chosen, repository, prompt_format, advice)


def _sent(publication: "Publication", *, private: bool) -> str:
    """Check the files, send them, and return the commit's URL."""
    from localqwq.packs.publish.upload import check, publish

    # The client reads its settings when imported. Only its progress bars show the progress of a
    # large file; they are for terminals.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with ByteProgress(f"checking {publication.manifest.name}") as progress:
        check(publication, progress)
    try:
        return publish(
            publication, private=private, say=lambda line: print(line, file=sys.stderr, flush=True)
        )
    except KeyboardInterrupt:
        print(
            "interrupted: run the same command again; files that have arrived are skipped",
            file=sys.stderr,
        )
        raise


def _preview(publication: "Publication", *, private: bool) -> list[str]:
    manifest, texts = publication.manifest, publication.texts()
    sizes = {name: len(text.encode()) for name, text in texts.items()}
    sizes |= {file.path: file.bytes for file in manifest.files}
    width = max(map(len, sizes))
    visible = "private" if private else "public"
    return [
        f"These files would go to the {visible} repository {publication.repository}:",
        *(f"  {name:{width}}  {readable_size(size):>9}" for name, size in sizes.items()),
        f"{len(sizes)} files, {readable_size(sum(sizes.values()))}. The model card:",
        "",
        *(f"    {line}".rstrip() for line in texts["README.md"].splitlines()),
    ]


def _as_json(publication: "Publication", url: str | None) -> dict[str, Any]:
    return {
        "repository": publication.repository,
        "published": url is not None,
        "url": url,
        "card": publication.texts()["README.md"],
        "files": [
            {"path": file.path, "quant": file.quant, "bytes": file.bytes, "sha256": file.sha256}
            for file in publication.manifest.files
        ],
    }
