"""Connections to RPC servers are told not to wait for ever; others are left alone."""

import socket
import sys
import time

from localqwq.engine.rpc.silence import SILENCE_S, bound_silence, give_up_silent


def is_bounded(connection: socket.socket) -> bool:
    """Whether its system asks for the other side."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


def test_only_connections_to_servers() -> None:
    """By address and port, however they were opened; the limits are those that were promised."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(("127.0.0.1", 0)) as another,
        socket.create_connection(server.getsockname()) as wanted,
        socket.create_connection(another.getsockname()) as unwanted,
    ):
        assert bound_silence({server.getsockname()}) == 1
        assert is_bounded(wanted)
        assert not is_bounded(unwanted)
        tries = wanted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
        pause = wanted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        assert (tries + 1) * pause <= SILENCE_S
        if sys.platform == "linux":
            limit = wanted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert limit == 1000 * SILENCE_S


def test_connections_that_come_later() -> None:
    """They are found within a second or two."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        give_up_silent([f"{host}:{port}", "no.such.host.invalid:1"])
        with socket.create_connection((host, port)) as late:
            ends = time.monotonic() + 10
            while not is_bounded(late) and time.monotonic() < ends:
                time.sleep(0.02)
            assert is_bounded(late)
