"""Whether a server is open to other computers, and may be."""

import ipaddress
from collections.abc import Sized
from pathlib import Path

from localqwq.errors import LocalqwqError


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this computer's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_keys(host: str, uds: Path | None, keys: Sized) -> None:
    """Raise ``LocalqwqError`` if other computers could connect without a key."""
    if uds is None and not is_loopback(host) and not len(keys):
        raise LocalqwqError(
            f"Listening on {host} is open to other computers, so a key is needed: give "
            "--api-key, --keys or LOCALQWQ_API_KEY, or listen on 127.0.0.1."
        )
