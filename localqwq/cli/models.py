"""``localqwq models``: list, add, verify and remove installed models."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli import help_texts
from localqwq.cli.progress import ByteProgress
from localqwq.demo import DEMO, is_demo
from localqwq.locations import expanded, packs_directory
from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.packs.download.unfinished import Unfinished
    from localqwq.packs.store.store import InstalledModel, Store


_ADDING = """\
Install a .gguf file, the first file of a split model, a folder made by `convert`,
or all models in a folder of .gguf files. Files are linked if possible, else copied.

Models of Ollama, LM Studio and llama.cpp have the names that `localqwq models`
shows, such as ollama:qwq:32b, and are used in place, without a copy. Without an
argument, those models are listed."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "models",
        help="list models; show, verify, add or remove one",
        description="List the installed models (packs, each with one or more quantizations) and "
        "those that can be downloaded, and how they would run on this machine.",
    )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions")
    for action, line in (
        ("show", "show everything about a pack or a model in the catalogue"),
        ("verify", "compare the files of a pack with their checksums"),
        ("remove", "delete a pack, or one of its quantizations"),
    ):
        named = actions.add_parser(action, help=line, description=f"{line[0].upper()}{line[1:]}.")
        named.add_argument("name", metavar="NAME", help="NAME or NAME:QUANT")
    add = actions.add_parser(
        "add",
        help="install a .gguf file, a folder, or a model of another program",
        description=_ADDING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument(
        "subject",
        metavar="FILE_OR_DIR",
        nargs="?",
        help="a file, a folder, or the name of another program's model",
    )
    add.add_argument("--name", metavar="NAME", help="name for the pack")


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action."""
    from localqwq.packs.store.store import Store

    store = Store(packs_directory())
    match arguments.action:
        case "show":
            return _show(store, arguments.name)
        case "verify":
            return _verify(store, arguments.name)
        case "remove":
            return _remove(store, arguments.name)
        case "add":
            if arguments.subject is None:
                return _offer_foreign()
            return _add(store, arguments.subject, arguments.name)
        case _:
            return _list(store, as_json=arguments.json)


def _list(store: "Store", *, as_json: bool) -> int:
    from localqwq.cli.models_json import as_json as document_of
    from localqwq.cli.models_list import stock_lines
    from localqwq.models.stock import look_around

    stock = look_around(store, measure="if quiet")
    if as_json:
        print(json.dumps(document_of(stock), indent=2))
    else:
        print("\n".join(stock_lines(stock)))
    for problem in stock.problems:
        print(f"warning: {problem}", file=sys.stderr)
    return 0


def _show(store: "Store", spec: str) -> int:
    from localqwq.cli.models_show import file_lines, pack_lines
    from localqwq.errors import LocalqwqError
    from localqwq.models.in_store import name_in_store
    from localqwq.models.spec import NotInstalledError, is_path, resolve
    from localqwq.packs.catalogue import similar

    try:
        known = name_in_store(store, spec)
    except NotInstalledError as missing:
        from localqwq.cli.models_entry import entry_lines

        if missing.entry is None:
            raise
        print("\n".join(entry_lines(missing.entry)))
        return 0
    if known == spec and is_path(spec):
        print("\n".join(file_lines(resolve(spec))))
        return 0
    is_known = is_demo(known) or (store.root / known.partition(":")[0]).exists()
    if not is_known and (near := similar(spec)):
        raise LocalqwqError(f"Neither the store nor the catalogue has {spec}: did you mean {near}?")
    print("\n".join(pack_lines(store, _made(store, known))))
    return 0


def _verify(store: "Store", spec: str) -> int:
    from localqwq.errors import LocalqwqError

    with ByteProgress(f"verifying {spec}") as progress:
        checks = store.verify(_made(store, spec), progress)
    for check in checks:
        print(f"{check.model.spec}  {check.problem or 'ok'}")
    damaged = [check.model.spec for check in checks if check.problem]
    if damaged:
        raise LocalqwqError(
            f"{', '.join(damaged)} is damaged: remove it with "
            f"`localqwq models remove {damaged[0]}`, and add or pull it again."
        )
    return 0


def _remove(store: "Store", spec: str) -> int:
    from localqwq.errors import LocalqwqError
    from localqwq.models.in_store import name_in_store
    from localqwq.models.spec import NotInstalledError

    if is_demo(spec) and not (store.root / DEMO).exists():
        raise LocalqwqError("The demo is built in and not made yet: there is nothing to remove.")
    with suppress(NotInstalledError):  # it may be an unfinished download
        spec = name_in_store(store, spec)
    parts = _unfinished(store, spec)
    if parts and not _models_of(store, spec):
        return _discard(store, parts)
    freed = sum(_own_bytes(model) for model in _models_of(store, spec))
    removed = store.remove(spec)
    line = f"removed {spec}: {readable_size(freed)} freed"
    if freed < sum(model.bytes for model in removed):
        line += "; files used in place or linked elsewhere are kept"
    print(line)
    _take_out_of_memory(removed)
    return 0


def _take_out_of_memory(removed: "Sequence[InstalledModel]") -> None:
    """Have the running server take what was removed out of memory, which frees its disk space."""
    from localqwq.locations import running_socket

    if running_socket() is None:  # importing the rest takes a while
        return
    from localqwq.cli.stop import told
    from localqwq.client.running_server import unload

    for name, requests in unload(model.spec for model in removed):
        print(told(name, requests))


def _unfinished(store: "Store", spec: str) -> "list[Unfinished]":
    from localqwq.packs.download.unfinished import unfinished

    return [one for one in unfinished(store.root) if spec in (one.name, one.spec)]


def _discard(store: "Store", parts: "list[Unfinished]") -> int:
    from localqwq.packs.download.unfinished import discard

    for one in parts:
        discard(store.root, one)
        print(f"removed the unfinished download of {one.spec}: {readable_size(one.bytes)} freed")
    return 0


def _models_of(store: "Store", spec: str) -> "list[InstalledModel]":
    """Return the models of a spec; none if the manifest is damaged, since such packs can be removed
    too.
    """
    from localqwq.errors import LocalqwqError

    try:
        return store.matching(spec)
    except LocalqwqError:
        return []


def _own_bytes(model: "InstalledModel") -> int:
    """Return the bytes of the files that are not linked elsewhere."""
    return sum(
        status.st_size
        for file in model.files
        if file.path.exists() and not file.path.is_symlink()
        if (status := file.path.stat()).st_nlink == 1
    )


def _add(store: "Store", subject: str, name: str | None) -> int:
    from localqwq.errors import LocalqwqError
    from localqwq.gguf.facts import read_facts
    from localqwq.models.chat_templates import template_problem
    from localqwq.packs.store.other_programs import find_foreign

    failures: list[str] = []
    if foreign := find_foreign(subject):
        with ByteProgress(f"checking {foreign.spec}") as progress:
            added = store.adopt(foreign, progress, name=name)
    else:
        added, failures = _added(store, expanded(subject), name)
    for model in added:
        print(f"added {model.spec} ({readable_size(model.bytes)}): localqwq chat {model.spec}")
        facts = read_facts(model.path)
        problem = template_problem(facts.chat_template, facts.tool_template)
        if problem is not None:
            print(problem, file=sys.stderr)
        if model.path.is_symlink():
            print(f"  used in place: {model.path.readlink()}")
    for failure in failures:
        print(failure, file=sys.stderr)
    if failures:
        many = "1 file" if len(failures) == 1 else f"{len(failures)} files"
        raise LocalqwqError(
            f"{many} in {subject} could not be added (reasons above); {len(added)} "
            f"{'model was' if len(added) == 1 else 'models were'} added."
        )
    return 0


def _added(
    store: "Store", path: Path, name: str | None
) -> "tuple[list[InstalledModel], list[str]]":
    """Add a file, a pack, or every model in a folder; return the models added and the failures.

    Raises:
        LocalqwqError: nothing could be added.
    """
    from localqwq.errors import LocalqwqError
    from localqwq.packs.manifest import MANIFEST_NAME
    from localqwq.packs.store.other_programs import gguf_files

    found = gguf_files(path) if path.is_dir() and not (path / MANIFEST_NAME).exists() else []
    added: list[InstalledModel] = []
    failures = []
    for one in found or [path]:
        try:
            with ByteProgress(f"adding {one.name}") as progress:
                added += store.add(one, progress, name=name)
        except LocalqwqError as error:
            if len(found) < 2:
                raise
            failures.append(str(error))
    return added, failures


def _offer_foreign() -> int:
    """Print what can be added without a download."""
    from localqwq.packs.store.other_programs import foreign_models

    found = foreign_models()
    for model in found:
        print(f"{model.spec}  {readable_size(model.bytes)}  ({model.program})")
    if found:
        print("`localqwq models add NAME` uses one of them in place.")
    else:
        print("Ollama, LM Studio and llama.cpp have no models here: name a .gguf file.")
    return 0


def _made(store: "Store", spec: str) -> str:
    """Return the pack's name, creating the demo if it is asked for before its first use."""
    from localqwq.models.demo import install_demo
    from localqwq.models.in_store import name_in_store

    if is_demo(spec) and not (store.root / DEMO).exists():
        install_demo(store.root)
    return name_in_store(store, spec)
