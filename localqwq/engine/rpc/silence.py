"""Giving up on an RPC server that was cut off: a pulled cable, a machine without power.

ggml waits for answers without limit, and by default the system trusts a silent connection for
hours. So this process's connections to the servers get TCP keepalive; when that fails, ggml ends
the process, as for every lost server. A server that is merely slow passes, because its system
answers.
"""

import contextlib
import os
import socket
import stat
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

SILENCE_S = 20
"""Seconds after which an unreachable server is given up on."""

_OPEN = Path("/dev/fd")
_PERIOD_S = 1.0  # ggml opens connections whenever it likes
_TRIES = 3
_Peer = tuple[str, int]


def give_up_silent(addresses: Sequence[str]) -> None:
    """Enable this from now on for all connections to these ``HOST:PORT``, including future ones.

    If the system does not let us find connections, nothing happens.
    """
    peers = set(_peers(addresses))
    if peers and _OPEN.is_dir():
        threading.Thread(target=_watch, args=(peers,), name="rpc-silence", daemon=True).start()


def bound_silence(peers: Collection[_Peer]) -> int:
    """Enable this for all open connections to these peers; return how many there are."""
    found = 0
    for path in list(_OPEN.iterdir()):
        # Anything that is not such a socket, or was closed meanwhile, is left alone.
        with contextlib.suppress(OSError, ValueError):
            number = int(path.name)
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as connection:
                    if connection.family == socket.AF_INET and connection.getpeername() in peers:
                        _bound(connection)
                        found += 1
    return found


def _bound(connection: socket.socket) -> None:
    if sys.platform == "darwin":
        idle = socket.TCP_KEEPALIVE
    else:
        idle = socket.TCP_KEEPIDLE
    step = SILENCE_S // (_TRIES + 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (idle, step),
        (socket.TCP_KEEPINTVL, step),
        (socket.TCP_KEEPCNT, _TRIES),
    ):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    if sys.platform == "linux":  # for data that was sent and never arrived
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * SILENCE_S)


def _peers(addresses: Sequence[str]) -> Iterator[_Peer]:
    for address in addresses:
        host, _, port = address.partition(":")
        with contextlib.suppress(OSError):
            for found in socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM):
                number, port_number = found[4][:2]
                yield str(number), int(port_number)


def _watch(peers: Collection[_Peer]) -> None:
    while True:
        bound_silence(peers)
        time.sleep(_PERIOD_S)
