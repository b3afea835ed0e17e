"""The store of installed packs, one folder per pack."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localqwq.errors import FileProblem, LocalqwqError
from localqwq.packs.manifest import (
    MANIFEST_NAME,
    Manifest,
    PackFile,
    checked_name,
    read_manifest,
    write_manifest,
)
from localqwq.packs.store.incoming import Arrival, adopted, expect_mergeable, incoming, merged
from localqwq.packs.store.lock import locked
from localqwq.packs.store.other_programs import ForeignModel
from localqwq.packs.store.staging import Progress, bring, duplicate, sha256, staging


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """One file of an installed model."""

    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One quantization of an installed pack."""

    name: str
    quant: str
    files: tuple[InstalledFile, ...]
    """The parts of a split model in their order; one file otherwise."""
    architecture: str
    parameters: int
    context: int
    """Largest context in tokens."""

    @property
    def path(self) -> Path:
        """The file to load: for a split model the first part, by which llama.cpp finds the
        others.
        """
        return self.files[0].path

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.bytes for file in self.files)

    @property
    def spec(self) -> str:
        """Its name on the command line: ``name:QUANT``."""
        return f"{self.name}:{self.quant}"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of verifying one model."""

    model: InstalledModel
    problem: str | None
    """What is wrong with its files; ``None`` if they match their manifest."""


class Store:
    """The packs in ``root``. Readers never see a half-written pack; writers wait for each other."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def installed(self) -> list[InstalledModel]:
        """Return all models that can be loaded, by name, the largest quantization first."""
        return [
            model
            for name in self._names()
            for model in self._models_or_none(name)
            if visible_problem(model) is None
        ]

    def problems(self) -> list[str]:
        """Return one sentence for each thing in the store that cannot be loaded."""
        return list(self.damaged().values())

    def damaged(self) -> dict[str, str]:
        """Return what cannot be loaded, with a sentence that says why, and the way out.

        By ``name:QUANT``, or by ``name`` if the pack's manifest is damaged.
        """
        found = {}
        for name in self._names():
            try:
                models = self._models(self.manifest(name))
            except LocalqwqError as error:
                found[name] = str(error)
                continue
            found |= {model.spec: p for model in models if (p := damage(model)) is not None}
        return found

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a pack.

        Raises:
            LocalqwqError: there is no such pack, or its manifest is damaged.
        """
        name = self._named(name)
        try:
            manifest = read_manifest(self.root / name)
        except FileProblem as error:
            raise LocalqwqError(
                f"{error} Repair it, or remove the pack with `localqwq models remove {name}`."
            ) from error
        if manifest.name != name:
            raise LocalqwqError(
                f"The folder {self.root / name} contains a pack named {manifest.name}: rename the "
                "folder, or remove it."
            )
        return manifest

    def matching(self, spec: str) -> list[InstalledModel]:
        """Return the models meant by ``name`` or ``name:QUANT``, the largest first; at least one.

        Raises:
            LocalqwqError: there is none; the sentence lists what there is.
        """
        name, _, quant = spec.partition(":")
        models = self._models(self.manifest(name))
        found = [model for model in models if not quant or model.quant == quant.upper()]
        if not found:
            quants = ", ".join(model.quant for model in models)
            raise LocalqwqError(f"The pack {name} has no {quant}: it has {quants}.")
        return found

    def add(
        self, path: Path, progress: Progress | None = None, *, name: str | None = None
    ) -> list[InstalledModel]:
        """Install a ``.gguf`` file or the folder of a pack, and return what was added.

        Files are linked if possible, else copied. Adding an installed model again does nothing.

        Args:
            path: the file, the first one of a split model, or the folder.
            progress: called with the progress of each file.
            name: name for the pack, instead of the file's or the pack's own.

        Raises:
            LocalqwqError: it is neither, is damaged, or collides with another pack.
        """
        return self._install(incoming(path, name), progress, in_place=False)

    def adopt(
        self, model: ForeignModel, progress: Progress | None = None, *, name: str | None = None
    ) -> list[InstalledModel]:
        """Install another program's model in place, without copying it.

        Raises:
            LocalqwqError: it is damaged, cannot be run, or collides with another pack.
        """
        named = replace(model, stem=name) if name else model
        return self._install(adopted(named), progress, in_place=True)

    def _install(
        self, arrival: Arrival, progress: Progress | None, *, in_place: bool
    ) -> list[InstalledModel]:
        self.root.mkdir(parents=True, exist_ok=True)
        files: list[PackFile] = []
        with staging(self.root) as directory:
            for item in arrival.items:
                target = directory / item.file_name
                digest = bring(item.source, target, progress, in_place=in_place)
                files.append(item.checked(digest))
            with locked(self.root):
                self._publish(directory, arrival.manifest(files))
        added = {file.quant for file in files}
        return [model for model in self.matching(arrival.name) if model.quant in added]

    def place(self, directory: Path, manifest: Manifest) -> list[InstalledModel]:
        """Install complete and checked files from ``directory``, which is on the store's own disk.

        They are moved, and added to an installed pack of this name.

        Raises:
            LocalqwqError: it collides with another pack.
        """
        with locked(self.root):
            self._publish(directory, manifest)
        quants = manifest.quants
        return [model for model in self.matching(manifest.name) if model.quant in quants]

    def copy(self, spec: str, name: str) -> list[InstalledModel]:
        """Install a pack or one of its quantizations under another name as well.

        Files are linked if possible, else copied. Returns the models under the new name.

        Raises:
            LocalqwqError: there is no such model, the name is invalid, or it collides with another
                pack.
        """
        models = self.matching(spec)
        manifest = self.manifest(models[0].name).limited([model.quant for model in models])
        manifest = manifest.model_copy(update={"name": checked_name(name)})
        with staging(self.root) as directory:
            for file in (file for model in models for file in model.files):
                duplicate(file.path, directory / file.path.name)
            return self.place(directory, manifest)

    def expect_place(
        self, name: str, quant: str, sums: Sequence[str | None], shape: tuple[str, int] | None
    ) -> None:
        """Check that a quantization to be downloaded could be installed under a name.

        ``sums`` and ``shape`` as in ``expect_mergeable``: unknown values are no obstacle.

        Raises:
            LocalqwqError: it collides with another pack.
        """
        if name in self._names():
            expect_mergeable(self.manifest(name), quant, sums, shape)
        else:
            self._expect_distinct(name)

    def verify(self, spec: str, progress: Progress | None = None) -> list[Check]:
        """Compare size and SHA-256 of a pack's files with its manifest."""
        checks = []
        for model in self.matching(spec):
            problem = visible_problem(model)
            if problem is None:
                problem = next(
                    (
                        f"the SHA-256 of {file.path.name} does not match its manifest"
                        for file in model.files
                        if sha256(file.path, progress) != file.sha256
                    ),
                    None,
                )
            checks.append(Check(model, problem))
        return checks

    def remove(self, spec: str) -> list[InstalledModel]:
        """Delete a pack or one of its quantizations, and return what was deleted.

        Raises:
            LocalqwqError: there is no such pack or quantization.
        """
        name, _, quant = spec.partition(":")
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root):
            if not quant:
                removed = list(self._models_or_none(name))
                self._delete_folder(name)
                return removed
            [model] = self.matching(spec)
            name = model.name
            rest = self.manifest(name).without(model.quant)
            if rest is None:
                self._delete_folder(name)
            else:
                # The manifest first: it must never name a missing file.
                write_manifest(self.root / name, rest)
                for file in model.files:
                    file.path.unlink(missing_ok=True)
            return [model]

    def _publish(self, directory: Path, arriving: Manifest) -> None:
        """Move staged files into place, then add them to the manifest."""
        target = self.root / arriving.name
        if (target / MANIFEST_NAME).exists():
            arriving = merged(self.manifest(arriving.name), arriving)
        else:
            self._expect_distinct(arriving.name)
        target.mkdir(exist_ok=True)
        for staged in directory.iterdir():
            staged.replace(target / staged.name)
        write_manifest(target, arriving)

    def _expect_distinct(self, name: str) -> None:
        """Check that no pack has a name that is equal on case-insensitive disks."""
        for other in self._names():
            if other != name and other.casefold() == name.casefold():
                raise LocalqwqError(
                    f"The name {name} is too similar to that of the installed pack {other}: "
                    f"`localqwq models remove {other}` first, or choose another name with --name."
                )

    def _delete_folder(self, name: str) -> None:
        name = self._named(name)
        # Hide it first, in one step, so that nobody sees a partial pack.
        hidden = Path(tempfile.mkdtemp(dir=self.root, prefix=".adding-removed-"))
        (self.root / name).rename(hidden / name)
        shutil.rmtree(hidden, ignore_errors=True)

    def _names(self) -> list[str]:
        if not self.root.is_dir():
            return []
        return sorted(
            path.name
            for path in self.root.iterdir()
            if not path.name.startswith(".") and (path / MANIFEST_NAME).exists()
        )

    def _named(self, name: str) -> str:
        """Return the name of an installed pack as it is spelled, whatever case it is given in."""
        names = self._names()
        if name in names:
            return name
        found = next((one for one in names if one.casefold() == name.casefold()), None)
        if found is None:
            offer = f"installed: {', '.join(names)}" if names else "none is installed yet"
            raise LocalqwqError(f"There is no pack named {name} ({offer}): see `localqwq models`.")
        return found

    def _models_or_none(self, name: str) -> list[InstalledModel]:
        try:
            return self._models(self.manifest(name))
        except LocalqwqError:
            return []

    def _models(self, manifest: Manifest) -> list[InstalledModel]:
        directory = self.root / manifest.name
        models = (
            InstalledModel(
                name=manifest.name,
                quant=quant,
                files=tuple(
                    InstalledFile(directory / file.path, file.bytes, file.sha256)
                    for file in manifest.parts(quant)
                ),
                architecture=manifest.architecture,
                parameters=manifest.parameters,
                context=manifest.context,
            )
            for quant in manifest.quants
        )
        return sorted(models, key=lambda model: model.bytes, reverse=True)


def visible_problem(model: InstalledModel) -> str | None:
    """Return an obvious problem of a model: a file is missing or has the wrong size."""
    for file in model.files:
        try:
            size = file.path.stat().st_size
        except OSError:
            if file.path.is_symlink():
                return f"the file that it used in place, {file.path.readlink()}, is gone"
            return f"the file {file.path} is missing"
        if size != file.bytes:
            return f"{file.path.name} has {size} bytes instead of {file.bytes}"
    return None


def expect_files(model: InstalledModel) -> None:
    """Check that a model's files exist before using them.

    Raises:
        LocalqwqError: one is missing or has the wrong size; the sentence says which, and the way
            out.
    """
    if (sentence := damage(model)) is not None:
        raise LocalqwqError(sentence)


def damage(model: InstalledModel) -> str | None:
    """Return a sentence about an obvious problem of a model, with the way out."""
    problem = visible_problem(model)
    if problem is None:
        return None
    return (
        f"{model.spec} cannot be used, because {problem}: remove it with "
        f"`localqwq models remove {model.spec}`, and add or pull it again."
    )
