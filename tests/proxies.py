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
    """Anything else is the answer to everything."""
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
def proxying(login: tuple[str, str] | None = None) -> Iterator[Proxy]:
    """A proxy on a free port."""
    proxy = Proxy(login)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with _Server(("127.0.0.1", 0), handler) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
