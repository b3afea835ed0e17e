"""The server as a user service: a systemd unit on Linux, a launchd agent on macOS.

Only files are written; the returned sentences say how to start and stop the service.
"""

import os
import plistlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.locations import home_directory

_NAME = "localqwq"
_KEPT = ("LOCALQWQ_", "HF_", "GGML_", "CUDA_", "LD_LIBRARY_PATH")
"""Prefixes of the variables whose current values the service gets."""


def install(command: Sequence[str]) -> str:
    """Write the service file for a command; return how to start it.

    Raises:
        LocalqwqError: there is no home directory to write it to.
        OSError: it cannot be written.
    """
    path = service_file()
    environment = {
        name: value for name, value in sorted(os.environ.items()) if name.startswith(_KEPT)
    }
    text = (launchd_agent if _is_mac() else systemd_unit)(command, environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    # It may contain the API key.
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(text)
    if _is_mac():
        return f"Wrote {path}. Start it with: launchctl bootstrap gui/{os.getuid()} {path}"
    return (
        f"Wrote {path}. Start it with: systemctl --user daemon-reload && "
        f"systemctl --user enable --now {_NAME}.service"
    )


def remove() -> str:
    """Remove the service file; return how to stop a running service.

    Raises:
        LocalqwqError: there is none.
    """
    path = service_file()
    if not path.exists():
        raise LocalqwqError(f"No service is installed: there is no {path}.")
    path.unlink()
    if _is_mac():
        return f"Removed {path}. If it runs: launchctl bootout gui/{os.getuid()}/{_NAME}"
    (path.parent / "default.target.wants" / path.name).unlink(missing_ok=True)
    return (
        f"Removed {path}. If it runs: systemctl --user stop {_NAME}.service && "
        "systemctl --user daemon-reload"
    )


def service_file() -> Path:
    """Return the path of the service file.

    Raises:
        LocalqwqError: the user has no home directory.
    """
    home = home_directory()
    if home is None:
        raise LocalqwqError("This user has no home directory: set HOME.")
    if _is_mac():
        return home / "Library" / "LaunchAgents" / f"{_NAME}.plist"
    configured = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return configured / "systemd" / "user" / f"{_NAME}.service"


def systemd_unit(command: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Return a systemd user unit that runs a command."""
    variables = "".join(
        f"Environment={_quoted(f'{name}={value}', '')}\n" for name, value in environment.items()
    )
    words = " ".join(_quoted(word, "$") for word in command)
    return f"""\
[Unit]
Description=localqwq, an OpenAI-compatible server

[Service]
ExecStart={words}
{variables}Restart=on-failure

[Install]
WantedBy=default.target
""".encode()


def launchd_agent(command: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Return a launchd agent that runs a command."""
    return plistlib.dumps(
        {
            "Label": _NAME,
            "ProgramArguments": list(command),
            "EnvironmentVariables": dict(environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
        }
    )


def _quoted(text: str, doubled: str) -> str:
    """Return a word in systemd's quotes, doubling ``%`` and the characters in ``doubled``.

    Raises:
        LocalqwqError: it has a line break, which a unit cannot contain.
    """
    if not text.isprintable():
        raise LocalqwqError(f"A service file cannot hold {text!r}: it has control characters.")
    for character in "%" + doubled:
        text = text.replace(character, 2 * character)
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _is_mac() -> bool:
    return sys.platform == "darwin"
