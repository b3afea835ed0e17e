"""Connections through a SOCKS5 proxy; the protocol is socksio's, which httpx2 uses, too."""

import socket
import ssl
from http.client import HTTPConnection, HTTPException

from socksio import ProtocolError, socks5

from localqwq.packs.download.addresses import Address

_ADDRESS_BYTES = {1: 4, 4: 16}
"""Length of an address in a reply by its kind; that of a name comes first, in one byte."""


class SocksRefused(HTTPException):
    """The proxy refuses for good; the message is a clause about the proxy."""


class SocksFailed(HTTPException):
    """The proxy cannot do it now; the message is a clause about the proxy."""


class SocksConnection(HTTPConnection):
    """A connection to ``address`` by TLS; its name is looked up by the proxy."""

    def __init__(
        self,
        address: Address,
        proxy: tuple[str, int],
        login: tuple[str, str] | None,
        *,
        timeout: float,
        context: ssl.SSLContext,
    ) -> None:
        super().__init__(address.host, address.port, timeout=timeout)
        self._proxy = proxy
        self._login = login
        self._context = context
        self._wait_s = timeout

    def connect(self) -> None:
        """Connect through the proxy.

        Raises:
            OSError: it cannot be reached.
            SocksFailed: it cannot reach the address.
            SocksRefused: it does not want to.
        """
        connected = socket.create_connection(self._proxy, self._wait_s)
        try:
            _negotiate(connected, (self.host, self.port), self._login)
            self.sock = self._context.wrap_socket(connected, server_hostname=self.host)
        except BaseException:
            connected.close()
            raise


def _negotiate(
    connected: socket.socket, target: tuple[str, int], login: tuple[str, str] | None
) -> None:
    """Agree on a login, and have the proxy connect to ``target``."""
    protocol = socks5.SOCKS5Connection()
    try:
        _agree(connected, protocol, login)
        command = socks5.SOCKS5Command.CONNECT
        protocol.send(socks5.SOCKS5CommandRequest.from_address(command, target))
        start = _exchanged(connected, protocol, 5)
        size = _ADDRESS_BYTES.get(start[3], 1 + start[4])
        reply = protocol.receive_data(start + _received(connected, size + 1))
    except ProtocolError as error:
        raise SocksRefused("does not speak SOCKS5") from error
    assert isinstance(reply, socks5.SOCKS5Reply)
    if reply.reply_code == socks5.SOCKS5ReplyCode.CONNECTION_NOT_ALLOWED_BY_RULESET:
        raise SocksRefused(f"does not allow a connection to {target[0]}")
    if reply.reply_code != socks5.SOCKS5ReplyCode.SUCCEEDED:
        words = reply.reply_code.name.lower().replace("_", " ")
        raise SocksFailed(f"cannot reach {target[0]} ({words})")


def _agree(
    connected: socket.socket, protocol: socks5.SOCKS5Connection, login: tuple[str, str] | None
) -> None:
    """Agree on a login."""
    method = socks5.SOCKS5AuthMethod
    offered = [method.NO_AUTH_REQUIRED, *([method.USERNAME_PASSWORD] if login else [])]
    protocol.send(socks5.SOCKS5AuthMethodsRequest(offered))
    chosen = protocol.receive_data(_exchanged(connected, protocol, 2))
    assert isinstance(chosen, socks5.SOCKS5AuthReply)
    if chosen.method == method.USERNAME_PASSWORD and login is not None:
        name, password = (word.encode() for word in login)
        protocol.send(socks5.SOCKS5UsernamePasswordRequest(name, password))
        reply = protocol.receive_data(_exchanged(connected, protocol, 2))
        assert isinstance(reply, socks5.SOCKS5UsernamePasswordReply)
        if not reply.success:
            raise SocksRefused("does not accept the name and password it was given")
    elif chosen.method != method.NO_AUTH_REQUIRED:
        raise SocksRefused(
            "requires a name and a password" if login is None else "requires a login"
        )


def _exchanged(connected: socket.socket, protocol: socks5.SOCKS5Connection, size: int) -> bytes:
    """Send what is to be sent, and return the first bytes of the answer."""
    connected.sendall(protocol.data_to_send())
    return _received(connected, size)


def _received(connected: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connected.recv(size - len(data))
        if not more:
            raise SocksFailed("ended the connection")
        data += more
    return data
