"""What is about to be installed: a ``.gguf`` file or a pack's folder, looked at before it is."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.packs.manifest import MANIFEST_NAME, Manifest, PackFile, read_manifest


@dataclass(frozen=True, slots=True)
class Item:
    """One GGUF file on its way in."""

    source: Path
    file_name: str
    """Its name in the store."""
    quant: str
    bytes: int
    sha256: str | None
    """What it must hash to; ``None`` if nobody has said so."""

    def checked(self, digest: str) -> PackFile:
        """The manifest's entry for it, now that its SHA-256 is known.

        Raises:
            LocalqwqError: it is not what was promised.
        """
        if self.sha256 not in (None, digest):
            raise LocalqwqError(
                f"{self.source} is damaged: its SHA-256 is not what {MANIFEST_NAME} says; "
                "get or convert it again."
            )
        return PackFile(quant=self.quant, path=self.file_name, bytes=self.bytes, sha256=digest)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A pack, or a part of one, that is to be installed."""

    name: str
    architecture: str
    parameters: int
    context: int
    license: str | None
    source: str | None
    items: tuple[Item, ...]

    def manifest(self, files: list[PackFile]) -> Manifest:
        """The manifest of a pack with these files and nothing else."""
        return Manifest(
            name=self.name,
            architecture=self.architecture,
            parameters=self.parameters,
            context=self.context,
            license=self.license,
            source=self.source,
            files=files,
        )


def incoming(path: Path) -> Arrival:
    """Look at a ``.gguf`` file or a pack's folder; headers are read, contents are not hashed.

    Raises:
        LocalqwqError: it is neither, or cannot be run.
    """
    if (path / MANIFEST_NAME).exists():
        return _folder(path)
    if path.is_file():
        return _file(path)
    if not path.exists():
        raise LocalqwqError(f"There is no file or folder {path}.")
    if (path / "config.json").exists():
        raise LocalqwqError(
            f"{path} is a checkpoint: make a pack of it with `localqwq convert {path} -o DIR`."
        )
    raise LocalqwqError(f"{path} is no pack: it has no {MANIFEST_NAME}; name a .gguf file in it.")


def merged(known: Manifest, arriving: Manifest) -> Manifest:
    """The manifest of an installed pack with the arriving files added.

    Raises:
        LocalqwqError: the two are different models, or differ in a file they both have.
    """
    if (known.architecture, known.parameters) != (arriving.architecture, arriving.parameters):
        raise LocalqwqError(
            f"Another model named {known.name} is installed: "
            f"`localqwq models remove {known.name}` first, or rename the new one."
        )
    for file in arriving.files:
        present = known.file(file.quant)
        if present is not None and present.sha256 != file.sha256:
            spec = f"{known.name}:{file.quant}"
            raise LocalqwqError(
                f"Another {spec} is installed: `localqwq models remove {spec}` first."
            )
        try:
            known = known.with_file(file)
        except ValidationError as error:
            raise LocalqwqError(
                f"A file named {file.path} is in the pack {known.name} already."
            ) from error
    return known


def _folder(directory: Path) -> Arrival:
    manifest = read_manifest(directory)
    items = []
    for file in manifest.files:
        path = directory / file.path
        if not path.is_file():
            raise LocalqwqError(f"{directory} is incomplete: {file.path} is missing.")
        facts = read_facts(path)
        if facts.bytes != file.bytes or facts.architecture != manifest.architecture:
            raise LocalqwqError(
                f"{path} is not the file that {MANIFEST_NAME} describes; get or convert it again."
            )
        items.append(Item(path, file.path, file.quant, file.bytes, file.sha256))
    return Arrival(
        name=manifest.name,
        architecture=manifest.architecture,
        parameters=manifest.parameters,
        context=manifest.context,
        license=manifest.license,
        source=manifest.source,
        items=tuple(items),
    )


def _file(path: Path) -> Arrival:
    facts = read_facts(path)
    name = pack_name(path.stem, facts.quant)
    return Arrival(
        name=name,
        architecture=facts.architecture,
        parameters=facts.parameters,
        context=facts.longest_context,
        license=None,
        source=None,
        items=(Item(path, f"{name}-{facts.quant}.gguf", facts.quant, facts.bytes, None),),
    )


def pack_name(stem: str, quant: str) -> str:
    """A pack's name from a file's: without the quantization, and only letters that are allowed."""
    name = re.sub(rf"[-._]{re.escape(quant)}$", "", stem, flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:96].strip("._-")
    return name or "model"
