"""Every back end that this machine has is attacked in the same way, and holds."""

import contextlib
import json
import os
import platform
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localqwq.agent.sandbox import seccomp
from localqwq.agent.sandbox.job import MIB, BackendName, Job, Limits
from localqwq.agent.sandbox.process import run
from localqwq.agent.sandbox.scratch import interpreter, sandbox_user, scratch_folder
from tests.agent.backends import needs_sandbox, working
from tests.agent.escapes import ATTEMPTS, HARNESS, RENEW

pytestmark = needs_sandbox()
SECRET = "a-secret-of-the-environment"
LIMITS = Limits(seconds=120, memory=512 * MIB, processes=16, disk=32 * MIB)


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


@pytest.fixture
def target() -> Iterator[Target]:
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
        victim.kill()


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


def test_there_are_enough_attempts() -> None:
    """With names of their own."""
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 200


@pytest.mark.parametrize("backend", working())
def test_nothing_gets_out(backend: BackendName, target: Target) -> None:
    """Neither what was attempted says so, nor what was attacked."""
    python = interpreter()
    assert python is not None
    before, priority = target.state(), os.getpriority(os.PRIO_PROCESS, target.victim.pid)
    with scratch_folder(target.user) as scratch:
        told, harness = scratch / "told.json", scratch / "harness.py"
        told.write_text(json.dumps(target.told(confined=True)))
        harness.write_text(HARNESS)
        for path in (told, harness):
            path.chmod(0o644)
        words = (*python.words, str(harness), str(told))
        opened = target.place / "opened"
        job = Job(
            words, backend, scratch, (*python.folders, opened), limits=LIMITS, user=target.user
        )
        os.environ["LOCALQWQ_TEST_SECRET"] = SECRET
        try:
            ran = run(job)
        finally:
            del os.environ["LOCALQWQ_TEST_SECRET"]
    assert (ran.problem, ran.ended_for, ran.errors) == ("", "", "")
    report = json.loads(ran.output)
    assert report["tried"] == len(ATTEMPTS)
    assert report["got_out"] == []
    assert target.state() == before
    left = f"left-{Path(target.beside).name}"
    assert not [folder for folder in ("/tmp", "/dev/shm") if Path(folder, left).exists()]
    assert target.victim.poll() is None
    assert os.getpriority(os.PRIO_PROCESS, target.victim.pid) == priority
    assert all(map(nobody_came, target.listening))


def test_without_a_sandbox_most_get_out(target: Target) -> None:
    """So that the other test can fail. The rest needs rights that nobody has here."""
    with scratch_folder(target.user) as scratch:
        told = scratch / "told.json"
        told.write_text(json.dumps(target.told(confined=False)))
        told.chmod(0o644)
        python = interpreter()
        assert python is not None
        ran = subprocess.run(
            [*python.words, "-c", HARNESS, str(told)],
            cwd=scratch,
            env={**os.environ, "LOCALQWQ_TEST_SECRET": SECRET},
            user=target.user,
            group=target.user,
            extra_groups=None if target.user is None else [],
            capture_output=True,
            text=True,
            check=True,
        )
    report = json.loads(ran.stdout)
    print([one.name for one in ATTEMPTS if one.name not in report["got_out"]])
    assert len(report["got_out"]) >= 200
