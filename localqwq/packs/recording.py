"""Writing what was measured into the manifest of a pack."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.hardware.machine import Machine
from localqwq.packs.figures import Figures
from localqwq.packs.manifest import read_manifest, write_manifest
from localqwq.packs.printable import MAX_TEXT
from localqwq.packs.store.lock import locked
from localqwq.version import __version__


@dataclass(frozen=True, slots=True)
class Owner:
    """The pack that a file belongs to."""

    folder: Path
    quant: str


def owner_of(path: Path) -> Owner | None:
    """Return the pack whose manifest, beside a file, lists it; None without one."""
    try:
        manifest = read_manifest(path.parent)
    except LocalqwqError:
        return None
    quant = next((file.quant for file in manifest.files if file.path == path.name), None)
    return Owner(path.parent, quant) if quant else None


def record(folder: Path, figures: Figures) -> None:
    """Add what was measured to a pack's manifest, in place of older figures of the same kind.

    Raises:
        LocalqwqError: the manifest cannot be read or written.
    """
    try:
        with locked(folder.parent):  # which is the store's lock, if it is in one
            write_manifest(folder, read_manifest(folder).with_figures(figures))
    except ValueError as error:
        raise LocalqwqError(
            f"{folder} has more figures than a pack may have: remove some from its manifest."
        ) from error


def circumstances(machine: Machine, command: Iterable[str]) -> dict[str, str]:
    """Return when, with what and where something is measured, as all figures state it.

    ``command``: the words of the command; paths of files are shortened to their names, which say
    nothing about this machine.
    """
    devices = [one.description for one in machine.devices if one.type in ("GPU", "IGPU")]
    where = ", ".join([machine.cpu_name, f"{machine.physical_cores} cores", *devices])
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "version": f"localqwq {__version__}, llama-cpp-python {version('llama_cpp_python')}",
        "machine": plain(where),
        "command": plain(shlex.join(["localqwq", *map(_name, command)])),
    }


def plain(text: str) -> str:
    """Return what a manifest may contain of a text."""
    return "".join(letter for letter in text if letter.isprintable())[:MAX_TEXT]


def _name(word: str) -> str:
    return Path(word).name if "/" in word else word
