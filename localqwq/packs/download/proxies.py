"""The proxy that this machine uses for an address, and the meaning of its answers."""

import base64
import os
import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from localqwq.errors import LocalqwqError
from localqwq.packs.download.addresses import Address
from localqwq.packs.download.socks import SocksConnection, SocksFailed, SocksRefused

_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
_PORTS = {"http": 8080, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and its login."""

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)
    """The name and password."""

    def __str__(self) -> str:
        """Return the host and port, without the login."""
        return f"{self.host}:{self.port}"

    def connection(
        self, address: Address, timeout: float, context: ssl.SSLContext
    ) -> HTTPConnection:
        """Return a connection to ``address`` through the proxy, not yet opened."""
        if self.scheme.startswith("socks"):
            place = self.host, self.port
            return SocksConnection(address, place, self.login, timeout=timeout, context=context)
        connection = HTTPSConnection(self.host, self.port, timeout=timeout, context=context)
        headers = {}
        if self.login is not None:
            words = base64.b64encode(":".join(self.login).encode()).decode("ascii")
            headers["Proxy-Authorization"] = f"Basic {words}"
        connection.set_tunnel(address.host, address.port, headers)
        return connection

    def failure(self, address: Address, error: Exception) -> tuple[str, bool] | None:
        """Return the proxy's failure as a clause, and whether it may be temporary.

        None if the error is not the proxy's.
        """
        if isinstance(error, SocksRefused | SocksFailed):
            return f"the proxy {self} {error}", isinstance(error, SocksFailed)
        answered = _REFUSED.search(str(error))
        if answered is not None:
            return self.answer(address, int(answered[1]))
        if isinstance(error, ConnectionRefusedError | socket.gaierror):
            return f"the proxy {self} cannot be reached", True
        return None

    def answer(self, address: Address, status: int) -> tuple[str, bool]:
        """Return the meaning of the proxy's status as a clause, and whether it may be temporary."""
        if status == 407 and self.login is None:
            way = f"set HTTPS_PROXY=http://NAME:PASSWORD@{self}"
            return f"the proxy {self} requires a name and a password ({way})", False
        if status == 407:
            return f"the proxy {self} rejects the name and password it was given", False
        if status < 500:
            return f"the proxy {self} does not allow a connection to {address} ({status})", False
        return f"the proxy {self} answers {status}", True


def proxy_for(address: Address) -> Proxy | None:
    """Return the proxy for an address, from HTTPS_PROXY, ALL_PROXY, NO_PROXY or the system.

    Raises:
        LocalqwqError: the setting is not the address of a proxy.
    """
    name_in_no_proxy(address.host)
    if address.scheme != "https" or proxy_bypass(address.host):
        return None
    known = getproxies()
    url = known.get("https") or known.get("all")
    return proxy_of(url) if url else None


def name_in_no_proxy(host: str) -> None:
    """Write an IP address into NO_PROXY if one of its ranges, such as ``10.0.0.0/8``, has it.

    Neither Python nor httpx2, which the hub's own client uses, know ranges there.
    """
    variable = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
    written = os.environ.get(variable, "")
    listed = [word.strip() for word in written.split(",")]
    with suppress(ValueError):  # it is a name, which no range has
        address = ip_address(host.strip("[]"))
        if host not in listed and any(address in one for one in _ranges(listed)):
            os.environ[variable] = f"{written},{host}"


def _ranges(listed: Iterable[str]) -> Iterator[IPv4Network | IPv6Network]:
    for word in listed:
        if "/" in word:
            with suppress(ValueError):  # not a range
                yield ip_network(word, strict=False)


def proxy_of(url: str) -> Proxy:
    """Return the proxy at a URL; the scheme is optional.

    Raises:
        LocalqwqError: the URL is not the address of a proxy.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if not host or scheme not in _PORTS:
        shown = ascii(url.rpartition("@")[2])[1:-1][:80]  # a login precedes an @
        raise LocalqwqError(
            f"The proxy {shown} in HTTPS_PROXY or ALL_PROXY is not valid: write "
            "http://HOST:PORT or socks5h://HOST:PORT."
        )
    login = None
    if parts.username is not None:
        login = unquote(parts.username), unquote(parts.password or "")
    return Proxy(scheme, host, port or _PORTS[scheme], login)
