"""What attempts to get out of a sandbox attack."""

import contextlib
import platform
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localqwq.agent.sandbox import seccomp
from localqwq.agent.sandbox.scratch import interpreter, sandbox_user
from tests.agent.escapes import ATTEMPTS, RENEW

SECRET = "a-secret-of-the-environment"


@dataclass(frozen=True, slots=True)
class Target:
    """What is attacked."""

    place: Path
    beside: str
    """A file in the temporary folder."""
    user: int | None
    victim: "subprocess.Popen[bytes]"
    listening: tuple[socket.socket, ...]

    def told(self, *, confined: bool) -> dict[str, object]:
        """What the harness is told."""
        calls = seccomp.ARCHITECTURES[platform.machine()].calls
        return {
            "attempts": [[attempt.name, attempt.code] for attempt in ATTEMPTS],
            "numbers": calls,
            "place": str(self.place),
            "outside": str(self.place / "outside"),
            "opened": str(self.place / "opened"),
            "port": self.listening[0].getsockname()[1],
            "victim": self.victim.pid,
            "secret": SECRET,
            "beside": Path(self.beside).name,
            "left": f"left-{Path(self.beside).name}",
            "confined": confined,
            "renew": RENEW,
        }

    def state(self) -> list[tuple[str, int, int, float, bytes]]:
        """The folder outside, with the contents and times of its files."""
        found = []
        for path in sorted((self.place / "outside").rglob("*")):
            status = path.lstat()
            text = path.read_bytes() if path.is_file() else b""
            found.append((path.name, status.st_mode, status.st_nlink, status.st_mtime, text))
        return found


@contextlib.contextmanager
def attacked() -> Iterator[Target]:
    """Folders, a process and sockets that everyone may use: only a sandbox protects them."""
    user = sandbox_user()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="localqwq-escapes-")))
        place.chmod(0o777)
        beside = stack.enter_context(tempfile.NamedTemporaryFile(prefix="localqwq-beside-")).name
        python = interpreter()
        assert python is not None
        subprocess.run(
            [*python.words, "-c", f"{RENEW}\nrenew_outside({str(place)!r})"], check=True, user=user
        )
        opened = place / "opened"
        opened.mkdir()
        opened.chmod(0o777)
        (opened / "link").symlink_to(place / "outside")
        (opened / "given").write_text("given")
        streams, datagrams = map(stack.enter_context, on_one_port())
        paths = stack.enter_context(socket.socket(socket.AF_UNIX))
        paths.bind(str(place / "socket"))
        victim = stack.enter_context(
            subprocess.Popen(["/bin/sleep", "600"], user=user, start_new_session=True)
        )
        stack.callback(victim.kill)
        local = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        local.bind(str(place / "datagrams"))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0{place / 'outside'}")
        for name in ("socket", "datagrams"):
            (place / name).chmod(0o777)
        listening = (streams, datagrams, paths, local, abstract)
        for one in listening:
            one.setblocking(False)
        for one in (paths, abstract):
            one.listen()
        yield Target(place, beside, user, victim, listening)


def on_one_port() -> tuple[socket.socket, socket.socket]:
    """A listening socket, and one for datagrams with the same number, which may be in use."""
    while True:
        streams = socket.create_server(("127.0.0.1", 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(streams.getsockname())
        except OSError:
            streams.close()
            datagrams.close()
        else:
            return streams, datagrams


def nobody_came(listening: socket.socket) -> bool:
    """Whether nothing has arrived at a socket."""
    with contextlib.suppress(BlockingIOError):
        if listening.type == socket.SOCK_DGRAM:
            listening.recv(10)
        else:
            listening.accept()
        return False
    return True
