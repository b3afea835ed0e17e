"""``python -m localqwq.server`` as a process."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
import psutil
import pytest

from localqwq.children import Child
from tests.child_processes import children_with, signal_another_thread
from tests.servers import server_command


def command(model: Path, *options: str) -> list[str]:
    """A command line that serves ``model``."""
    return server_command(model, *options, context=256)


@contextmanager
def serving(
    model: Path, *options: str, key: str = "", inherited: Sequence[int] = ()
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process that answers, and its address."""
    process = subprocess.Popen(
        command(model, *options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"LOCALQWQ_API_KEY": key},
        pass_fds=inherited,
    )
    with process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().removeprefix("listening on ").strip()
            assert url, process.communicate()
            yield process, url
        finally:
            process.kill()


def failure(model: Path, *options: str) -> str:
    """What a server that cannot start says on stderr."""
    ran = subprocess.run(
        command(model, *options),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1
    return ran.stderr


def test_missing_model(tmp_path: Path) -> None:
    """One sentence that names the file."""
    assert "nothing.gguf" in failure(tmp_path / "nothing.gguf", "--port", "0")


def test_port_in_use(demo_gguf: Path) -> None:
    """One sentence, before the model is loaded."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"127.0.0.1:{port} is in use" in failure(demo_gguf, "--port", port)


def test_unknown_host(demo_gguf: Path) -> None:
    """A host that is not this computer's."""
    assert "203.0.113.1" in failure(demo_gguf, "--host", "127.0.0.1.203.0.113.1")


def test_other_computers_need_a_key(demo_gguf: Path) -> None:
    """No key, no server on an address that others reach."""
    assert "--api-key" in failure(demo_gguf, "--host", "0.0.0.0", "--port", "0")


def test_key(demo_gguf: Path) -> None:
    """With a key, every path but ``/health`` asks for it."""
    with (
        serving(demo_gguf, "--port", "0", key="secret") as (_, url),
        httpx2.Client(base_url=url, trust_env=False) as http,
    ):
        refused = http.get("/v1/models")
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "invalid_api_key"
        wrong, right = ({"Authorization": f"Bearer {key}"} for key in ("secreT", "secret"))
        assert http.get("/v1/models", headers=wrong).status_code == 401
        assert http.get("/v1/models", headers=right).status_code == 200
        assert http.get("/health").status_code == 200


def test_unix_socket(demo_gguf: Path, tmp_path: Path) -> None:
    """It is this user's alone, replaces a dead one, and goes when the server goes."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with serving(demo_gguf, "--uds", str(path)) as (process, address):
        assert address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        transport = httpx2.HTTPTransport(uds=str(path))
        with httpx2.Client(transport=transport, base_url="http://localhost") as http:
            assert http.get("/health").status_code == 200
        assert "is in use" in failure(demo_gguf, "--uds", str(path))
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert not path.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_it_quietly(demo_gguf: Path, number: signal.Signals, code: int) -> None:
    """Even while it answers; the client is told, and there is no traceback."""
    endless = {"temperature": 5, "top_p": 1, "top_k": 0, "seed": 15}
    body = {"messages": [{"role": "user", "content": "Hi"}], "stream": True, **endless}
    with serving(demo_gguf, "--port", "0") as (process, url):
        with httpx2.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=60) as reply:
            pieces = reply.iter_bytes()
            next(pieces)
            process.send_signal(number)
            assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
        assert process.wait(30) == code
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_it_while_it_loads(demo_gguf: Path, number: signal.Signals, code: int) -> None:
    """No less quietly."""
    line = command(demo_gguf, "--port", "0", "--parent-pipe")
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        engine: list[psutil.Process] = []
        while not engine:
            time.sleep(0.01)  # a process that starts sets no event
            engine = children_with(Child.ENGINE, psutil.Process(process.pid))
        engine[0].suspend()  # it loads until then
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_an_inherited_socket(demo_gguf: Path) -> None:
    """It listens on what its parent has opened, so connections can wait there before it runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as early:
            early.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            descriptor = listener.fileno()
            with serving(demo_gguf, "--fd", str(descriptor), inherited=(descriptor,)) as (_, url):
                assert url == f"http://127.0.0.1:{port}"
                reply = early.makefile("rb").read()
                assert reply.split()[1] in (b"503", b"200")
                assert b'"status":' in reply


def test_it_ends_with_its_parent(demo_gguf: Path) -> None:
    """With ``--parent-pipe`` the end of stdin is the end of the server."""
    with serving(demo_gguf, "--port", "0", "--parent-pipe") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="sleeps are counted by Linux")
def test_it_sleeps_while_nobody_asks(demo_gguf: Path) -> None:
    """And a signal wakes it at once; the date of what comes after it is right."""
    with serving(demo_gguf, "--port", "0") as (process, url):
        assert httpx2.get(f"{url}/health", trust_env=False).status_code == 200
        time.sleep(2)  # what comes behind a request is over
        before = psutil.Process(process.pid).num_ctx_switches().voluntary
        time.sleep(3)
        assert psutil.Process(process.pid).num_ctx_switches().voluntary - before <= 4
        earliest = int(time.time())
        reply = httpx2.get(f"{url}/health", trust_env=False)
        assert earliest <= parsedate_to_datetime(reply.headers["date"]).timestamp() <= time.time()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="signals of one thread are sent by Linux")
def test_a_signal_that_another_thread_receives(demo_gguf: Path) -> None:
    """The loop sleeps until it is woken; so it is by a signal just before that."""
    with serving(demo_gguf, "--port", "0", "--parent-pipe") as (process, _):
        time.sleep(1)  # it sleeps then
        signal_another_thread(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
