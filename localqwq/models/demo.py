"""The built-in model, converted from the demo checkpoint on first use."""

import hashlib
from pathlib import Path

from localqwq.demo import DEMO
from localqwq.errors import LocalqwqError
from localqwq.locations import demo_checkpoint
from localqwq.packs.manifest import read_manifest
from localqwq.packs.store.lock import locked
from localqwq.packs.store.staging import staging
from localqwq.version import __version__

_QUANTIZATIONS = ("Q8_0", "Q4_K_M")
_FILES = ("*.json", "*.jinja", "*.safetensors", "README.md")
"""The files that make up the pack; the rest documents its training."""


def install_demo(directory: Path) -> Path:
    """Make sure the demo's pack is in the store ``directory``, made from the current checkpoint.

    Two processes may do this at once: each makes its own pack, and only a complete one is ever
    visible.

    Returns:
        The pack's folder.

    Raises:
        LocalqwqError: the demo checkpoint is damaged, or the store cannot be written to.
    """
    checkpoint = demo_checkpoint()
    source = f"the demo checkpoint that comes with localqwq, fingerprint {_fingerprint(checkpoint)}"
    target = directory / DEMO
    if _is_current(target, source):
        return target
    from localqwq_convert.pipeline import convert

    directory.mkdir(parents=True, exist_ok=True)
    with staging(directory) as stage:
        convert(checkpoint, stage / DEMO, _QUANTIZATIONS, name=DEMO, source=source)
        with locked(directory):
            if not _is_current(target, source):
                if target.exists():
                    target.rename(stage / "outdated")
                (stage / DEMO).rename(target)
    return target


def _fingerprint(checkpoint: Path) -> str:
    """Return a text that changes with the checkpoint and with the converter."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(path for form in _FILES for path in checkpoint.glob(form)):
        digest.update(f"\n{path.name} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_current(pack: Path, source: str) -> bool:
    try:
        manifest = read_manifest(pack)
        sizes = [(pack / file.path).stat().st_size for file in manifest.files]
    except (LocalqwqError, OSError):
        return False
    whole = sizes == [file.bytes for file in manifest.files]
    return whole and manifest.source == source and manifest.quants == [*_QUANTIZATIONS]
