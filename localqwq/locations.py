"""The directories that localqwq uses; the only module that knows the platform's conventions."""

import contextlib
import hashlib
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
    """Return the user's home directory; ``None`` if there is none, as for numeric users in
    containers.
    """
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home if home.is_absolute() else None


def expanded(path: str | Path) -> Path:
    """Return the path with ``~`` expanded, if the user has a home directory."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def data_directory() -> Path:
    """Return the directory of packs and conversations; ``LOCALQWQ_DATA_DIR`` overrides it.

    Raises :class:`LocalqwqError` if it does not exist and cannot be created.
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
            f"{path} cannot be created ({error.strerror}): set {variable} to a folder that can."
        ) from error
    return path


def config_directory() -> Path:
    """Return the directory of the settings; ``LOCALQWQ_CONFIG_DIR`` overrides it.

    Without a home directory it is inside the data directory. If it cannot be created, it simply
    does not exist, which is harmless for reading.
    """
    path = _directory("LOCALQWQ_CONFIG_DIR", platformdirs.user_config_dir)
    if path is None:
        path = data_directory() / "config"
    with contextlib.suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
    return path


def settings_file() -> Path:
    """Return the path of the settings file in the configuration directory; it need not exist."""
    return config_directory() / "settings.toml"


def cache_directory() -> Path:
    """Return the directory of logs and anything reproducible; ``LOCALQWQ_CACHE_DIR`` overrides it.

    If it cannot be created or written to, use one in the system's temporary folder.
    """
    return lasting_cache() or _temporary_cache()


def lasting_cache() -> Path | None:
    """Return the cache directory without that substitute, for files that are not worth keeping or
    too large elsewhere.
    """
    path = _directory("LOCALQWQ_CACHE_DIR", platformdirs.user_cache_dir)
    if path is None:
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK | os.X_OK) else None


def states_directory() -> Path | None:
    """Return the directory for gigabytes of KV states, inside the cache directory if there is
    one.
    """
    cache = lasting_cache()
    return None if cache is None else cache / "states"


def server_socket() -> Path:
    """Return the socket by which this user's programs find the server of the data directory.

    Another user's runtime directory is not used: ``su`` and ``sudo -E`` keep its name.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    place = Path(base) / "localqwq" if base and _is_own(base, stat.S_ISDIR) else _temporary_cache()
    store = hashlib.sha256(os.fsencode(data_directory().absolute())).hexdigest()[:8]
    return place / f"server-{store}.sock"


def running_socket() -> Path | None:
    """Return that socket if it is there; ``None`` if not, or if another user made it."""
    path = server_socket()
    return path if is_own_socket(path) else None


def is_own_socket(path: Path) -> bool:
    """Return whether this user has a socket there."""
    return _is_own(path, stat.S_ISSOCK)


def _is_own(path: str | Path, has_kind: Callable[[int], bool]) -> bool:
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return has_kind(found.st_mode) and found.st_uid == os.getuid()


def _directory(variable: str, default: Callable[[str, Literal[False]], str]) -> Path | None:
    """Return the variable's value, else the platform's default; ``None`` without a home
    directory.
    """
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
    """Return a temporary cache shared by the user's processes, unless someone else took that
    name.
    """
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
    """Return the demo checkpoint: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).parent
    installed = package / "data" / "demo"
    return installed if installed.is_dir() else package.parent / "models" / "demo"


def templates_directory() -> Path:
    """Return the folder of built-in chat templates: in the installed package, or in a source
    tree.
    """
    package = Path(__file__).parent
    installed = package / "data" / "templates"
    return installed if installed.is_dir() else package.parent / "models" / "templates"


def catalogue_directories() -> tuple[Path, ...]:
    """Return the folders of catalogue entries; entries in a later folder replace earlier ones.

    First those inside the installed package, or beside it in a source tree; then the user's own.
    """
    package = Path(__file__).parent
    installed = package / "data" / "catalogue"
    shipped = installed if installed.is_dir() else package.parent / "models" / "catalogue"
    return shipped, data_directory() / "catalogue", config_directory() / "catalogue"


def packs_directory() -> Path:
    """Return the store of model packs, inside the data directory."""
    return data_directory() / "packs"


def conversations_file() -> Path:
    """Return the store of conversations, inside the data directory."""
    return data_directory() / "conversations.sqlite"


def responses_file() -> Path:
    """Return the responses stored by ``serve``, inside the data directory."""
    return data_directory() / "responses.sqlite"
