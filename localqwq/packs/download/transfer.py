"""HTTP requests with redirects, read as the bytes arrive.

This uses ``http.client`` rather than a larger library: it returns what the socket has, in pieces of
any size, at four times the speed, and allows checking the peer before anything is sent to it.
"""

import errno
import http.client
import re
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from localqwq.packs.download.addresses import Address, check, check_peer
from localqwq.packs.download.certificates import ADVICE, trusted
from localqwq.packs.download.proxies import Proxy, proxy_for
from localqwq.packs.download.retry import wished_delay
from localqwq.version import __version__

TIMEOUT_S = 30.0
"""Seconds that a server may be silent."""
BLOCK = 1 << 20
"""Maximum bytes per read."""
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 8
BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Statuses of servers that are busy for the moment."""


class SourceFailed(Exception):
    """A source cannot provide this file; the message is a clause for people."""


class WebPage(SourceFailed):
    """A page for people came instead of a file."""

    def __init__(self, address: Address) -> None:
        super().__init__(
            f"{address} answers with a web page instead of the file (if this network requires a "
            "login, open a page in a browser first)"
        )


class UnknownCertificate(SourceFailed):
    """No authority that this machine trusts confirms a server's identity."""

    def __init__(self, address: Address) -> None:
        super().__init__(f"{address} has a certificate that is not valid here ({ADVICE})")


class Interrupted(Exception):
    """A failure that may be temporary; the message is a clause for people.

    ``after``: seconds that the server asks to wait, if it does.
    """

    def __init__(self, problem: str, after: float | None = None) -> None:
        super().__init__(problem)
        self.after = after


class Offline(Interrupted):
    """A host's name or the way to it is unknown here, as on a machine without a network."""

    def __init__(self, address: Address) -> None:
        super().__init__(f"{address} cannot be reached (is this machine online?)")


class LinkRefused(Interrupted):
    """The link from a hub no longer works: the hub has to give a new one."""


class Refused(SourceFailed):
    """A server refuses with a status."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@dataclass(frozen=True, slots=True)
class Resource:
    """Something on a server, and what is needed to request it."""

    url: str
    token: str | None = field(default=None, repr=False)
    """Sent only to the URL's own host."""


class Answer:
    """A server's response whose body has yet to be read."""

    def __init__(
        self, response: http.client.HTTPResponse, connected: socket.socket, address: Address
    ) -> None:
        self.status = response.status
        self.headers = response.headers
        self.address = address
        """The address that responded, after redirects."""
        self._response = response
        self._socket = connected
        self._ready = select.poll()
        self._ready.register(connected, select.POLLIN)
        self._broken: Interrupted | None = None

    @property
    def length(self) -> int | None:
        """The bytes of the body, if stated and plausible for a file."""
        said = self.headers.get("Content-Length", "")
        return int(said) if _LENGTH.fullmatch(said) else None

    @property
    def total(self) -> int | None:
        """Return the bytes of the whole file, if the answer states them."""
        if self.status == 206:
            said = self.headers.get("Content-Range", "").rpartition("/")[2]
            return int(said) if _LENGTH.fullmatch(said) else None
        return self.length

    @property
    def version(self) -> str:
        """The server's identifier of this content, if it states one."""
        return self.headers.get("ETag") or self.headers.get("Last-Modified") or ""

    @property
    def is_page(self) -> bool:
        """Whether it claims to be a page for a browser."""
        return self.headers.get_content_type() in ("text/html", "application/xhtml+xml")

    def fill(self, room: memoryview) -> int:
        """Read the next bytes into ``room`` and return how many there are.

        Waits for the first bytes and takes whatever else is there; 0 at the end, or if it was cut
        off.

        Raises:
            Interrupted: the connection broke, and all earlier bytes have been returned.
        """
        if self._broken is not None:
            raise self._broken
        filled = 0
        while filled < len(room) and (not filled or self._has_more()):
            try:
                count = self._taken(room[filled:])
            except (OSError, http.client.HTTPException) as error:
                self._broken = Interrupted(_of_error(self.address, error))
                if not filled:
                    raise self._broken from error
                break
            if not count:
                break
            filled += count
        return filled

    def _has_more(self) -> bool:
        """Return whether reading would not block."""
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        return bool(pending or self._ready.poll(0))

    def _taken(self, room: memoryview) -> int:
        """Do what ``read1`` does, without a copy: return the bytes available, or none at the
        end.
        """
        response = self._response
        if response.chunked or response.length is None:
            data = response.read1(len(room))
            room[: len(data)] = data
            return len(data)
        room = room[: response.length]
        count = response.fp.readinto1(room)
        response.length -= count
        return count

    def read(self, size: int = BLOCK) -> bytes:
        """Return the next bytes as soon as there are any; none at the end, or if it was cut off.

        Raises:
            Interrupted: the connection broke.
        """
        try:
            return self._response.read1(size)
        except (OSError, http.client.HTTPException) as error:
            raise Interrupted(_of_error(self.address, error)) from error

    def whole(self, most: int) -> bytes:
        """Return the whole of a small body.

        Raises:
            Interrupted: the connection broke.
            SourceFailed: it is larger than ``most`` bytes.
        """
        body = bytearray()
        while block := self.read():
            body += block
            if len(body) > most:
                raise SourceFailed(f"{self.address} sends far more than requested")
        return bytes(body)


@contextmanager
def request(
    resource: Resource,
    headers: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
    method: str = "GET",
) -> Iterator[Answer]:
    """Request a resource, follow redirects, and yield a successful response.

    Args:
        resource: what to request.
        headers: sent with every request on the way.
        stop: closes the connection when set, whatever it is waiting for.
        method: ``GET`` or ``HEAD``.

    Raises:
        Interrupted: no connection, or a server that is too busy.
        SourceFailed: the server refuses.
        AddressRefused: a redirect to an address that is not allowed.
    """
    asked = address = Address.of(resource.url)
    for _ in range(_MOST_REDIRECTS):
        check(address, asked)
        sent = {
            "User-Agent": f"localqwq/{__version__}",
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        if resource.token and address.site == asked.site:
            sent["Authorization"] = f"Bearer {resource.token}"
        with _connected(address, asked) as connection, _closed_on(stop, connection.sock):
            connected = connection.sock  # which it passes on to its last response
            response = _response(connection, address, method, sent)
            location = response.headers.get("Location", "")
            if response.status not in _REDIRECTS or not location:
                _check_status(response, address, asked, resource.token is not None)
                yield Answer(response, connected, address)
                return
        address = address.redirected(location)
    raise SourceFailed(f"{asked} redirects endlessly")


@contextmanager
def _connected(address: Address, asked: Address) -> Iterator[http.client.HTTPConnection]:
    proxy = proxy_for(address)
    connection = _connection(address, proxy)
    try:
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise _unconnected(address, proxy, error) from error
        if proxy is None:  # otherwise the peer is the proxy, which is the user's own
            check_peer(connection.sock.getpeername()[0], address, asked)
        yield connection
    finally:
        connection.close()


def _connection(address: Address, proxy: Proxy | None) -> http.client.HTTPConnection:
    if address.scheme == "http":
        return http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_S)
    if proxy is not None:
        return proxy.connection(address, TIMEOUT_S, trusted())
    return http.client.HTTPSConnection(
        address.host, address.port, timeout=TIMEOUT_S, context=trusted()
    )


def _response(
    connection: http.client.HTTPConnection, address: Address, method: str, headers: dict[str, str]
) -> http.client.HTTPResponse:
    try:
        connection.request(method, address.target, headers=headers)
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(_of_error(address, error)) from error


def _check_status(
    response: http.client.HTTPResponse, address: Address, asked: Address, logged_in: bool
) -> None:
    status = response.status
    if status in (200, 206):
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise SourceFailed(
                f"{address} compresses the data ({ascii(coding)[1:-1][:20]}) although asked not to"
            )
        return
    if status in BUSY:
        headers = response.headers
        after = wished_delay(headers.get("Retry-After"), headers.get("RateLimit"))
        raise Interrupted(f"{address} answers {status}", after)
    if status == 403 and address.site != asked.site:
        raise LinkRefused(f"{address}, where {asked} keeps its files, answers 403")
    reasons = {
        401: "does not accept the token of this computer (`hf auth login` with a new one)"
        if logged_in
        else "requires a login",
        403: "denies access (for a gated model, accept its terms and log in)",
        404: "no longer has it",
        410: "no longer has it",
        416: "has a shorter file than it stated",
    }
    raise Refused(status, f"{address} {reasons.get(status, f'answers {status}')}")


@contextmanager
def _closed_on(stop: threading.Event | None, connected: socket.socket) -> Iterator[None]:
    """Close the connection when ``stop`` is set, so that nobody waits for a silent server."""
    if stop is None:
        yield
        return
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            if stop.wait(0.1):
                with suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()


def _unconnected(address: Address, proxy: Proxy | None, error: Exception) -> Exception:
    """Return the reason why there is no connection."""
    if proxy is not None and (failure := proxy.failure(address, error)):
        clause, passes = failure
        return Interrupted(clause) if passes else SourceFailed(clause)
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnknownCertificate(address)
    if is_offline(error):
        return Offline(address)
    return Interrupted(_of_error(address, error))


def is_offline(error: BaseException) -> bool:
    """Return whether a connection failed before anybody was asked for it."""
    return isinstance(error, socket.gaierror) or (
        isinstance(error, OSError) and error.errno in _NO_WAY
    )


def _of_error(address: Address, error: Exception) -> str:
    match error:
        case TimeoutError():
            return f"{address} was silent for {TIMEOUT_S:.0f} seconds"
        case http.client.HTTPException():
            return f"{address} closed the connection early"
        case OSError() if error.errno is None or isinstance(error, ConnectionError):
            return f"the connection to {address} was lost"
        case _:
            return f"{address} cannot be reached"
