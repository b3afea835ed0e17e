"""The socket a server listens on, bound before the model is loaded."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.locations import is_own_socket
from localqwq.locks import lock


@contextmanager
def tcp_listener(host: str, port: int, scheme: str = "http") -> Iterator[tuple[socket.socket, str]]:
    """Yield a bound socket and its URL; port 0 chooses a free one."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise LocalqwqError(f"The host {host!r} is not an address of this computer.") from None
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise cannot_listen(error, f"{host}:{port}") from None
        yield listener, _url(host, listener.getsockname()[1], scheme)


@contextmanager
def unix_listener(path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Yield a bound Unix socket that only this user may connect to, and its ``unix:`` address."""
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        except OSError as error:
            raise cannot_listen(error, str(path)) from None
        finally:
            os.umask(mask)
        made = path.stat().st_ino
        try:
            yield listener, f"unix:{path.absolute()}"
        finally:
            with suppress(FileNotFoundError):
                if path.stat().st_ino == made:  # another server may have taken the name
                    path.unlink()


@contextmanager
def private_listener(
    path: Path | None, say: Callable[[str], None]
) -> Iterator[socket.socket | None]:
    """Yield a Unix socket in a directory that only this user may enter, listening already.

    ``None`` if ``path`` is, or if it cannot be had; ``say`` is told why.
    """
    with ExitStack() as stack:
        listener = None
        if path is not None:
            try:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                with _locked(path.parent):  # two servers may start at once
                    listener, _ = stack.enter_context(unix_listener(path))
                    listener.listen()
            except (OSError, LocalqwqError) as error:
                say(_not_found(path, error))
        yield listener


def _not_found(path: Path, error: Exception) -> str:
    """Return what follows from not having the private socket."""
    who = "the app, `ask`, `ps` and `stop`"
    if is_own_socket(path):
        return f"Another server of yours is running: {who} use that one, and do not find this one."
    reason = error.strerror if isinstance(error, OSError) else "something else has that name"
    return f"{path} cannot be made ({reason}), so {who} do not find this server."


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY)
    try:
        lock(handle, directory)
        yield
    finally:
        os.close(handle)


@contextmanager
def inherited_listener(descriptor: int) -> Iterator[tuple[socket.socket, str]]:
    """Yield a bound socket opened by the parent process, and its URL or ``unix:`` address."""
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError:
        raise LocalqwqError(f"The file descriptor {descriptor} is not a socket.") from None
    with listener:
        listener.set_inheritable(False)
        name = listener.getsockname()
        yield listener, f"unix:{name}" if is_unix(listener) else _url(name[0], name[1])


def is_unix(listener: socket.socket) -> bool:
    """Return whether it is a Unix socket, for processes of this computer only."""
    return listener.family == socket.AF_UNIX


def cannot_listen(error: OSError, where: str) -> LocalqwqError:
    """Return the error for a socket that cannot be bound or cannot listen."""
    if error.errno == errno.EADDRINUSE:
        return LocalqwqError(
            f"{where} is in use by another program; choose another one (--port 0 finds a free one)."
        )
    return LocalqwqError(f"The server cannot listen on {where}: {error.strerror or error}.")


def _url(host: str, port: int, scheme: str = "http") -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _remove_stale(path: Path) -> None:
    """Remove a socket left by a server, and nothing else."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            return  # binding reports what is wrong with it
