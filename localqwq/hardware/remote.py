"""Other machines that lend their devices over ggml's RPC, as configured by the user.

``LOCALQWQ_RPC`` contains their addresses, ``HOST:PORT`` separated by commas. Nothing else is ever
connected to. ``HOST:PORT=SIZE`` limits the memory used of each of the server's devices: a server
that computes on its processor offers all its memory, free or not.
"""

import os
import re
from dataclasses import dataclass

from localqwq.errors import LocalqwqError
from localqwq.sizes import parsed_size

VARIABLE = "LOCALQWQ_RPC"

_MOST = 16
"""Maximum number of devices of a model (``LLAMA_MAX_DEVICES``); a server has one or more."""
# ggml splits the address at its first colon, so IPv6 addresses cannot be written.
_ADDRESS = re.compile(r"[A-Za-z0-9._-]{1,253}:([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class RpcServer:
    """An RPC server."""

    address: str
    """``HOST:PORT``."""
    limit: int | None = None
    """Bytes to use of each of its devices; ``None`` for what is free."""


def named_servers(text: str | None = None) -> tuple[RpcServer, ...]:
    """Return the servers in ``text``, by default in ``LOCALQWQ_RPC``, without duplicates.

    Raises :class:`LocalqwqError` if the text is malformed.
    """
    words = (os.environ.get(VARIABLE, "") if text is None else text).split(",")
    servers = {server.address: server for word in words if (server := _parsed(word.strip()))}
    if len(servers) > _MOST:
        raise LocalqwqError(
            f"{VARIABLE} names {len(servers)} servers, but llama.cpp divides a model among at "
            f"most {_MOST} devices: name fewer."
        )
    return tuple(servers.values())


def _parsed(word: str) -> RpcServer | None:
    if not word:
        return None
    address, sign, size = word.partition("=")
    match = _ADDRESS.fullmatch(address)
    try:
        limit = parsed_size(size) if sign else None
    except ValueError:
        match = None
    if match is None or not 0 < int(match[1]) < 1 << 16:
        raise LocalqwqError(
            f"{VARIABLE}: {word!r} is not a server: write HOST:PORT, or HOST:PORT=8G to use "
            "at most that much of its memory."
        )
    return RpcServer(address, limit)
