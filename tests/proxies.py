"""A proxy on loopback that connects clients to where they want, with or without a login."""

import base64
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """What was asked of it, and what it answers."""

    login: tuple[str, str] | None = None
    """Name and password that it wants."""
    status: int = 200
    """Anything else is the answer to everything; of SOCKS5 it is the code of the reply."""
    asked: list[str] = field(default_factory=list)
    """Hosts and ports that clients were connected to."""
    port: int = 0


class _Handler(socketserver.StreamRequestHandler):
    proxy: Proxy

    def handle(self) -> None:
        """Answer ``CONNECT``, then pass bytes on in both directions."""
        line = self.rfile.readline().decode("latin-1").split()
        headers = {}
        while (header := self.rfile.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        status = self.proxy.status
        if self.proxy.login is not None:
            wanted = base64.b64encode(":".join(self.proxy.login).encode()).decode()
            if headers.get("proxy-authorization") != f"Basic {wanted}":
                status = 407
        if status != 200 or line[0] != "CONNECT":
            self.wfile.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        self.proxy.asked.append(line[1])
        host, _, port = line[1].rpartition(":")
        with socket.create_connection((host, int(port))) as there, suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pass_on(self.connection, there)


class _SocksHandler(socketserver.StreamRequestHandler):
    proxy: Proxy

    def handle(self) -> None:
        """Speak SOCKS5, then pass bytes on in both directions."""
        version, count = self.rfile.read(2)
        methods = self.rfile.read(count)
        wanted = 0 if self.proxy.login is None else 2
        if version != 5 or wanted not in methods:
            self.wfile.write(b"\x05\xff")
            return
        self.wfile.write(bytes([5, wanted]))
        if self.proxy.login is not None:
            self.rfile.read(1)
            words = [self.rfile.read(self.rfile.read(1)[0]).decode() for _ in range(2)]
            right = tuple(words) == self.proxy.login
            self.wfile.write(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return
        kind = self.rfile.read(4)[3]
        raw = self.rfile.read(4 if kind == 1 else self.rfile.read(1)[0])
        host = socket.inet_ntoa(raw) if kind == 1 else raw.decode()
        port = int.from_bytes(self.rfile.read(2), "big")
        if self.proxy.status != 200:
            self.wfile.write(bytes([5, self.proxy.status]) + b"\x00\x01" + bytes(6))
            return
        self.proxy.asked.append(f"{host}:{port}")
        with socket.create_connection((host, port)) as there, suppress(OSError):
            self.wfile.write(b"\x05\x00\x00\x01" + bytes(6))
            pass_on(self.connection, there)


def pass_on(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes on between two sockets until one of them ends."""
    partners = {one: other, other: one}
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(1 << 16)
            if not data:
                return
            partners[ready].sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def proxying(login: tuple[str, str] | None = None, *, socks: bool = False) -> Iterator[Proxy]:
    """A proxy on a free port, by HTTP or SOCKS5."""
    proxy = Proxy(login)
    handler = type("Handler", (_SocksHandler if socks else _Handler,), {"proxy": proxy})
    with _Server(("127.0.0.1", 0), handler) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
