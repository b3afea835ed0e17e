"""Which addresses a download may use; redirects come from strangers."""

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

from localqwq.errors import LocalqwqError

_PORTS = {"https": 443, "http": 80}
_STAND_INS = ipaddress.ip_network("198.18.0.0/15")
"""Addresses that programs which route all traffic return for every name; nobody's private
network.
"""
_NAT64 = [ipaddress.ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48")]
"""The prefix by which a network without IPv4 reaches it: the address is in the last four bytes."""


class AddressRefused(LocalqwqError):
    """An address that must not be contacted."""


@dataclass(frozen=True, slots=True)
class Address:
    """An HTTP URL, parsed."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as sent in a request."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Parse a URL.

        Raises:
            AddressRefused: it is not the URL of a file, or contains a user name and password.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise _refusal(url, "is not a URL") from error
        if parts.scheme not in _PORTS or not host:
            raise _refusal(url, "is not an https:// URL")
        if parts.username is not None or parts.password is not None:
            raise _refusal(url, "contains a password, which would end up in logs")
        if not url.isascii() or any(not " " < letter < "\x7f" for letter in url):
            raise _refusal(url, "contains characters that a URL may not have")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], target)

    @property
    def site(self) -> tuple[str, str, int]:
        """The scheme, host and port that a token belongs to."""
        return self.scheme, self.host, self.port

    @property
    def is_loopback(self) -> bool:
        """Whether its host is a name of this machine."""
        return self.host == "localhost" or (
            (address := _ip(self.host)) is not None and address.is_loopback
        )

    def __str__(self) -> str:
        """Return the address without path and query, which may contain private data."""
        return f"{self.scheme}://{self.host}" + (
            f":{self.port}" if self.port != _PORTS[self.scheme] else ""
        )

    def url(self) -> str:
        """The complete URL."""
        return f"{self}{self.target}"

    def redirected(self, location: str) -> "Address":
        """Return the target of a redirect from here.

        Raises:
            AddressRefused: as for ``of``.
        """
        return Address.of(urljoin(self.url(), location))


def check(address: Address, asked: Address) -> None:
    """Check that a request may go to ``address`` when the user or the catalogue named ``asked``.

    Raises:
        AddressRefused: plain HTTP, or a private address that was not named.
    """
    if address.scheme != "https" and not (address.is_loopback and asked.is_loopback):
        way = "leads to" if address.site != asked.site else "is"
        raise AddressRefused(
            f"{asked} {way} plain HTTP, where anyone could change the data: use an https:// "
            "address, or download the file and give its path."
        )
    if (ip := _ip(address.host)) is not None:
        check_peer(str(ip), address, asked)


def check_peer(peer: str, address: Address, asked: Address) -> None:
    """Check that a connection to ``address`` that reached the IP address ``peer`` may be used.

    A host named by the user may be in their own network. The target of a redirect may not, or a
    foreign hub could make this machine send requests to its neighbours.

    Raises:
        AddressRefused: a redirect to a private address.
    """
    ip = _ip(peer)
    if address.host == asked.host or (asked.is_loopback and ip is not None and ip.is_loopback):
        return
    if ip is None or (not ip.is_global and ip not in _STAND_INS):
        raise AddressRefused(
            f"{asked} leads to {address.host}, an address in a private network, which is not "
            "allowed: choose another source with --from."
        )


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return _unpacked(ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def _unpacked(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour or ip


def _refusal(url: str, problem: str) -> AddressRefused:
    # Anything before an @ may be a password.
    shown = ascii(url.partition("?")[0].rpartition("@")[2])[1:-1][:80]
    return AddressRefused(f"{shown} {problem}: use an https:// address.")
