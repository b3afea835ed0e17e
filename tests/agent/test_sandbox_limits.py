"""Programs in the sandbox are bounded, and nothing of them is left; on each back end here."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest

from localqwq.agent.sandbox.choosing import backend as chosen
from localqwq.agent.sandbox.choosing import installed
from localqwq.agent.sandbox.job import MIB, BackendName, EndedFor, Job, Limits, Ran
from localqwq.agent.sandbox.process import run
from localqwq.agent.sandbox.scratch import interpreter, sandbox_user, scratch_folder
from localqwq.agent.stop import Stop
from tests.agent.backends import needs_sandbox, working

pytestmark = needs_sandbox()
LIMITS = Limits(seconds=60, memory=256 * MIB, processes=8, disk=8 * MIB, output=100_000)
_DAEMON = """
import os, time
if not os.fork():
    if not os.fork():
        time.sleep(600)
    os._exit(0)
"""


@contextmanager
def job(code: str, backend: BackendName, limits: Limits = LIMITS) -> Iterator[Job]:
    """A job that runs Python code."""
    python, user = interpreter(), sandbox_user()
    assert python is not None
    with scratch_folder(user) as scratch:
        words = (*python.words, "-c", code, str(scratch))  # by which it is found
        yield Job(words, backend, scratch, python.folders, limits=limits, user=user)


def left_of(one: Job) -> list[psutil.Process]:
    """The processes that mention the job's folder or belong to its user."""
    found = []
    for process in psutil.process_iter(["cmdline", "uids", "status"]):
        if process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        words, uids = process.info["cmdline"] or [], process.info["uids"]
        is_users = one.user is not None and uids is not None and uids.real == one.user
        if is_users or any(str(one.scratch) in word for word in words):
            found.append(process)
    return found


def ran(code: str, backend: BackendName, limits: Limits = LIMITS, stop: Stop | None = None) -> Ran:
    """Run Python code; nothing may be left of it."""
    with job(code, backend, limits) as one:
        outcome = run(one, stop)
        assert left_of(one) == []
    return outcome


BACKENDS = pytest.mark.parametrize("backend", working())


@BACKENDS
def test_a_program_runs(backend: BackendName) -> None:
    """With a folder, an environment and an exit code of its own."""
    code = (
        "import os, sys; open('made', 'w').write('x'); print(open('made').read(), os.getcwd() =="
        " os.environ['HOME'] == os.environ['TMPDIR']); print('wrong', file=sys.stderr); sys.exit(3)"
    )
    outcome = ran(code, backend)
    assert (outcome.code, outcome.output, outcome.errors) == (3, "x True\n", "wrong\n")
    assert (outcome.ended_for, outcome.problem) == ("", "")


@BACKENDS
@pytest.mark.parametrize(
    ("code", "limits", "ended_for"),
    [
        ("import time; time.sleep(600)", replace(LIMITS, seconds=1), "time"),
        ("while True: pass", replace(LIMITS, seconds=1), "time"),
        (
            "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)",
            replace(LIMITS, seconds=1),
            "time",
        ),
        ("while True: print('x' * 1000)", LIMITS, "output"),
        (
            "for number in range(100): open(str(number), 'wb').write(bytes(2**20)); "
            "__import__('time').sleep(0.1)",
            LIMITS,
            "disk",
        ),
        (
            "import os, time\nfor _ in range(4): os.fork()\nheld = bytearray(100 * 2**20)\n"
            "time.sleep(600)",
            replace(LIMITS, processes=30),
            "memory",
        ),
    ],
    ids=["sleeping", "spinning", "deaf", "talking", "writing", "many"],
)
def test_limits(backend: BackendName, code: str, limits: Limits, ended_for: EndedFor) -> None:
    """Whatever exceeds one is ended, and it is said why."""
    outcome = ran(code, backend, limits)
    assert (outcome.ended_for, outcome.problem) == (ended_for, "")
    assert len(outcome.output) + len(outcome.errors) <= limits.output


@BACKENDS
def test_one_process_gets_no_more_memory(backend: BackendName) -> None:
    """It sees the error itself."""
    outcome = ran("bytearray(2**30)", backend)
    assert "MemoryError" in outcome.errors


@BACKENDS
def test_one_file_gets_no_larger(backend: BackendName) -> None:
    """The kernel ends who tries."""
    outcome = ran("file = open('large', 'wb')\nwhile True: file.write(bytes(2**20))", backend)
    assert outcome.code != 0


@BACKENDS
def test_a_fork_bomb(backend: BackendName) -> None:
    """It gets no further than the bound, and all of it is ended."""
    code = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    outcome = ran(code, backend, replace(LIMITS, seconds=2))
    assert outcome.ended_for in ("time", "processes")


@BACKENDS
def test_what_it_leaves_behind_is_ended(backend: BackendName) -> None:
    """A process that has let go of its parent."""
    assert ran(_DAEMON, backend).code == 0


@BACKENDS
def test_stopping(backend: BackendName) -> None:
    """All of it ends at once."""
    stop = Stop()
    with job("print('begun', flush=True)\n" + _DAEMON + "time.sleep(600)", backend) as one:
        outcome: list[Ran] = []
        thread = threading.Thread(target=lambda: outcome.append(run(one, stop)))
        thread.start()
        while not left_of(one):
            assert thread.is_alive()
        stop.set()
        thread.join(30)
        assert outcome[0].ended_for == "stopped"
        assert left_of(one) == []


@BACKENDS
def test_it_ends_with_whoever_started_it(backend: BackendName) -> None:
    """Even if that one was killed."""
    with job(_DAEMON + "time.sleep(600)", backend) as one:
        code = (
            "import sys; from localqwq.agent.sandbox.job import Job; "
            "from localqwq.agent.sandbox.process import run; run(Job.from_json(sys.argv[1]))"
        )
        parent = subprocess.Popen([sys.executable, "-c", code, one.as_json()])
        while len([process for process in left_of(one) if process.pid != parent.pid]) < 3:
            assert parent.poll() is None
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        for process in left_of(one):
            process.wait(30)
        assert left_of(one) == []


@BACKENDS
def test_the_network_if_it_is_granted(backend: BackendName) -> None:
    """Ports, but no sockets of this machine's programs."""
    code = """
import socket, sys
socket.create_connection(("127.0.0.1", %d), 10)
try:
    socket.socket(socket.AF_UNIX)
except PermissionError:
    print("no other")
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with job(code % server.getsockname()[1], backend) as one:
            outcome = run(replace(one, network=True))
        server.settimeout(30)
        server.accept()[0].close()
    assert (outcome.output, outcome.errors) == ("no other\n", "")


@BACKENDS
def test_a_server_may_reserve_but_not_use(backend: BackendName) -> None:
    """More memory than it has, as Node does."""
    code = (
        "import mmap; mmap.mmap(-1, 2**34, flags=mmap.MAP_PRIVATE | 0x4000, prot=0); "
        "print('reserved', flush=True); bytearray(2**30)"
    )
    outcome = ran(code, backend, replace(LIMITS, seconds=None))
    assert outcome.output == "reserved\n"
    assert "MemoryError" in outcome.errors


def test_one_of_them_is_chosen() -> None:
    """The first that was tried and held."""
    assert chosen() in installed()


@BACKENDS
def test_it_is_never_root(backend: BackendName) -> None:
    """And has no capabilities."""
    code = "import os; print(os.getuid() != 0, os.access('/usr/bin', os.W_OK))"
    assert ran(code, backend).output == "True False\n"


@pytest.mark.skipif("landlock" not in working(), reason="there is no Landlock here")
def test_root_of_a_namespace() -> None:
    """Who cannot become anybody else: the sandbox holds, and no capability is left."""
    command = ["unshare", "--map-root-user"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces of users are not allowed here")
    code = (
        "from localqwq.agent.sandbox.probe import probe; "
        "from localqwq.agent.sandbox.scratch import sandbox_user; "
        "print(sandbox_user(), repr(probe('landlock')))"
    )
    ran = subprocess.run(
        [*command, sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "None ''\n"
