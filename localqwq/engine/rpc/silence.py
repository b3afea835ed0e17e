"""Ends the wait for an RPC server that was cut off: a pulled cable, a machine without power.

ggml waits for answers without any limit, and a system that is not told otherwise believes in a
silent connection for hours. So this process's connections to the servers are told to make sure of
the other side; when that fails, ggml ends the process, as it does for every server that is lost.
A server that is merely slow answers for itself all the time: its system does so.
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
"""Seconds after which a server that cannot be reached is given up."""

_OPEN = Path("/dev/fd")
_PERIOD_S = 1.0  # ggml opens connections when it likes
_TRIES = 3
_Peer = tuple[str, int]


def give_up_silent(addresses: Sequence[str]) -> None:
    """Do so from now on for all connections to these ``HOST:PORT``, which ggml is yet to open.

    Where the system does not let us find connections, nothing is done.
    """
    peers = set(_peers(addresses))
    if peers and _OPEN.is_dir():
        threading.Thread(target=_watch, args=(peers,), name="rpc-silence", daemon=True).start()


def bound_silence(peers: Collection[_Peer]) -> int:
    """Do so for all connections to these that are open now; how many there are."""
    found = 0
    for path in list(_OPEN.iterdir()):
        # Whatever is no such socket, or is closed meanwhile, is left alone.
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
    if sys.platform == "linux":  # for what was sent and never arrived
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
