"""A pack under another name."""

import shutil
from pathlib import Path

from localqwq.packs.manifest import read_manifest, write_manifest


def renamed(pack: Path, directory: Path, name: str) -> Path:
    """A copy of a pack in ``directory`` that is called ``name``."""
    directory.mkdir()
    manifest = read_manifest(pack)
    files = []
    for file in manifest.files:
        path = file.path.replace(manifest.name, name)
        shutil.copy(pack / file.path, directory / path)
        files.append(file.model_copy(update={"path": path}))
    write_manifest(directory, manifest.model_copy(update={"name": name, "files": files}))
    return directory
