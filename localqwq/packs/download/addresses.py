"""Which addresses a download may go to; redirects come from strangers."""

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

from localqwq.errors import LocalqwqError

_PORTS = {"https": 443, "http": 80}
_STAND_INS = ipaddress.ip_network("198.18.0.0/15")
"""Programs that route all traffic answer every name with one of these; they are nobody's own."""
_NAT64 = [ipaddress.ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48")]
"""Where a network without IPv4 reaches it: the address is in the last four bytes."""


class AddressRefused(LocalqwqError):
    """An address that nothing may be asked of."""


@dataclass(frozen=True, slots=True)
class Address:
    """An HTTP URL, taken apart."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as a request has them."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Take a URL apart.

        Raises:
            AddressRefused: no URL of a file, or one with a name and password in it.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise _refusal(url, "is no URL") from error
        if parts.scheme not in _PORTS or not host:
            raise _refusal(url, "is not an https:// URL")
        if parts.username is not None or parts.password is not None:
            raise _refusal(url, "has a password in it, which would end up in logs")
        if not url.isascii() or any(not " " < letter < "\x7f" for letter in url):
            raise _refusal(url, "has letters that a URL may not have")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], target)

    @property
    def site(self) -> tuple[str, str, int]:
        """What a token belongs to."""
        return self.scheme, self.host, self.port

    @property
    def is_loopback(self) -> bool:
        """Whether its host is this machine by name."""
        return self.host == "localhost" or (
            (address := _ip(self.host)) is not None and address.is_loopback
        )

    def __str__(self) -> str:
        """Without path and query, which may hold what is nobody's business."""
        return f"{self.scheme}://{self.host}" + (
            f":{self.port}" if self.port != _PORTS[self.scheme] else ""
        )

    def url(self) -> str:
        """All of it."""
        return f"{self}{self.target}"

    def redirected(self, location: str) -> "Address":
        """Where a redirect from here leads.

        Raises:
            AddressRefused: see ``of``.
        """
        return Address.of(urljoin(self.url(), location))


def check(address: Address, asked: Address) -> None:
    """See that a request may go to ``address`` when a person or the catalogue named ``asked``.

    Raises:
        AddressRefused: plain HTTP, or a private address that nobody named.
    """
    if address.scheme != "https" and not (address.is_loopback and asked.is_loopback):
        way = "leads to" if address.site != asked.site else "is"
        raise AddressRefused(
            f"{asked} {way} plain HTTP, where anybody could change what comes: use an https:// "
            "address, or download the file and name its path."
        )
    if (ip := _ip(address.host)) is not None:
        check_peer(str(ip), address, asked)


def check_peer(peer: str, address: Address, asked: Address) -> None:
    """See that a connection to ``address`` which reached the IP address ``peer`` may be used.

    A host that was named by the person may be in their own network; one that a redirect names may
    not, or a stranger's hub could ask this machine's neighbours for things.

    Raises:
        AddressRefused: a redirect to a private address.
    """
    ip = _ip(peer)
    if address.host == asked.host or (asked.is_loopback and ip is not None and ip.is_loopback):
        return
    if ip is None or (not ip.is_global and ip not in _STAND_INS):
        raise AddressRefused(
            f"{asked} leads to {address.host}, an address of a private network: that is refused; "
            "choose another source with --from."
        )


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return _unpacked(ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def _unpacked(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that is reached by an IPv6 address, if it is one of those."""
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour or ip


def _refusal(url: str, problem: str) -> AddressRefused:
    # What stands before an @ may be a password.
    shown = ascii(url.partition("?")[0].rpartition("@")[2])[1:-1][:80]
    return AddressRefused(f"{shown} {problem}: name a https:// address.")
