"""Where localqwq keeps things: the only module that knows the platform's directories."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import platformdirs

from localqwq.errors import LocalqwqError


def home_directory() -> Path | None:
    """The user's; ``None`` where there is none, as with a container's numbers for users."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home if home.is_absolute() else None


def expanded(path: str | Path) -> Path:
    """The path with a home directory for its tilde, where there is such a one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def data_directory() -> Path:
    """Model packs and conversations; ``LOCALQWQ_DATA_DIR`` overrides it.

    Raises :class:`LocalqwqError` where there is none and none can be made.
    """
    variable = "LOCALQWQ_DATA_DIR"
    path = _directory(variable, platformdirs.user_data_dir)
    if path is None:
        raise LocalqwqError(
            f"This user has no home directory: set HOME, or set {variable} to a folder."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalqwqError(
            f"{path} cannot be made ({error.strerror}): set {variable} to a folder that can."
        ) from error
    return path


def config_directory() -> Path:
    """Settings that people edit; ``LOCALQWQ_CONFIG_DIR`` overrides it.

    For users without a home directory it is in the data directory. Where it cannot be made, it is
    not there, which matters to nobody who only reads.
    """
    path = _directory("LOCALQWQ_CONFIG_DIR", platformdirs.user_config_dir)
    if path is None:
        path = data_directory() / "config"
    with contextlib.suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
    return path


def settings_file() -> Path:
    """The settings, inside the configuration directory; it need not exist."""
    return config_directory() / "settings.toml"


def cache_directory() -> Path:
    """Logs and whatever can be made again; ``LOCALQWQ_CACHE_DIR`` overrides it.

    Where that cannot be made or written to, it is one in the system's folder for temporary files.
    """
    return lasting_cache() or _temporary_cache()


def lasting_cache() -> Path | None:
    """The same without a substitute: for what is not worth keeping, or too large, elsewhere."""
    path = _directory("LOCALQWQ_CACHE_DIR", platformdirs.user_cache_dir)
    if path is None:
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK | os.X_OK) else None


def states_directory() -> Path | None:
    """Gigabytes of conversations' states, inside the cache directory if there is one."""
    cache = lasting_cache()
    return None if cache is None else cache / "states"


def _directory(variable: str, default: Callable[[str, Literal[False]], str]) -> Path | None:
    """What the variable says, or else the platform; ``None``: there is no home that it takes."""
    override = os.environ.get(variable)
    if override:
        path = expanded(override)
        return None if path.parts[:1] == ("~",) else path
    try:
        path = Path(default("localqwq", False))
    except RuntimeError:
        return None
    return path if path.is_absolute() else None


@cache
def _temporary_cache() -> Path:
    """The same for all of the user's processes, unless somebody else has made one of that name."""
    user = os.getuid()
    path = Path(tempfile.gettempdir(), f"localqwq-{user}")
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="localqwq-"))
    is_own = user in ("", found.st_uid) and stat.S_ISDIR(found.st_mode)
    if is_own and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return path
    return Path(tempfile.mkdtemp(prefix="localqwq-"))


def demo_checkpoint() -> Path:
    """The demo checkpoint: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).parent
    installed = package / "data" / "demo"
    return installed if installed.is_dir() else package.parent / "models" / "demo"


def templates_directory() -> Path:
    """The chat templates that are built in: in the installed package, or in a source tree."""
    package = Path(__file__).parent
    installed = package / "data" / "templates"
    return installed if installed.is_dir() else package.parent / "models" / "templates"


def catalogue_directories() -> tuple[Path, ...]:
    """Where entries of the catalogue are, a later folder's in place of an earlier one's.

    Those inside the installed package, or beside it in a source tree; then the user's own.
    """
    package = Path(__file__).parent
    installed = package / "data" / "catalogue"
    shipped = installed if installed.is_dir() else package.parent / "models" / "catalogue"
    return shipped, data_directory() / "catalogue", config_directory() / "catalogue"


def packs_directory() -> Path:
    """The store of model packs, inside the data directory."""
    return data_directory() / "packs"


def conversations_file() -> Path:
    """The store of conversations, inside the data directory."""
    return data_directory() / "conversations.sqlite"
