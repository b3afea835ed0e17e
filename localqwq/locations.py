"""Where localqwq keeps things: the only module that knows the platform's directories."""

import os
from pathlib import Path

import platformdirs


def _directory(variable: str, default: str) -> Path:
    override = os.environ.get(variable)
    path = Path(override).expanduser() if override else Path(default)
    path.mkdir(parents=True, exist_ok=True)
    return path


def data_directory() -> Path:
    """Model packs and conversations; ``LOCALQWQ_DATA_DIR`` overrides it."""
    return _directory("LOCALQWQ_DATA_DIR", platformdirs.user_data_dir("localqwq", False))


def config_directory() -> Path:
    """Settings that people edit; ``LOCALQWQ_CONFIG_DIR`` overrides it."""
    return _directory("LOCALQWQ_CONFIG_DIR", platformdirs.user_config_dir("localqwq", False))


def settings_file() -> Path:
    """The settings, inside the configuration directory; it need not exist."""
    return config_directory() / "settings.toml"


def cache_directory() -> Path:
    """Logs and whatever can be made again; ``LOCALQWQ_CACHE_DIR`` overrides it."""
    return _directory("LOCALQWQ_CACHE_DIR", platformdirs.user_cache_dir("localqwq", False))


def demo_checkpoint() -> Path:
    """The demo checkpoint: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).parent
    installed = package / "models" / "demo"
    return installed if installed.is_dir() else package.parent / "models" / "demo"


def catalogue_directories() -> tuple[Path, ...]:
    """Where entries of the catalogue are, a later folder's in place of an earlier one's.

    Those inside the installed package, or beside it in a source tree; then the user's own.
    """
    package = Path(__file__).parent
    installed = package / "models" / "catalogue"
    shipped = installed if installed.is_dir() else package.parent / "models" / "catalogue"
    return shipped, data_directory() / "catalogue", config_directory() / "catalogue"


def packs_directory() -> Path:
    """The store of model packs, inside the data directory."""
    return data_directory() / "packs"


def conversations_file() -> Path:
    """The store of conversations, inside the data directory."""
    return data_directory() / "conversations.sqlite"
