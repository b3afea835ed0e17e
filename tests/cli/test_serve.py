"""``localqwq serve``: the same server, with a model by its name on the command line."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
import pytest
import trustme

from localqwq.children import Child


def command(*arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "localqwq", "serve", *arguments]


def test_serves_until_interrupted(demo_gguf: Path, tmp_path: Path) -> None:
    """The address comes on stdout once it answers; responses are kept as the settings say; Ctrl-C
    is 130.
    """
    (tmp_path / "settings.toml").write_text("[responses]\ndays = 1e-12\n")
    process = subprocess.Popen(
        command(str(demo_gguf), "--port", "0", "--ctx", "512", "--api-key", "secret"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"LOCALQWQ_API_KEY": "another", "LOCALQWQ_CONFIG_DIR": str(tmp_path)},
    )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        assert url, process.communicate()
        headers = {"Authorization": "Bearer secret"}
        with httpx2.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
            assert http.get("/v1/models").json()["data"][0]["id"] == "demo:Q8_0"
            body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
            usage = http.post("/v1/chat/completions", json=body).json()["usage"]
            assert usage["completion_tokens"] == 2
            assert http.get("/v1/models", headers={"Authorization": ""}).status_code == 401
            asked = {"input": "Hello", "max_output_tokens": 2}
            kept = http.post("/v1/responses", json=asked).json()["id"]
            gone = http.get(f"/v1/responses/{kept}").json()["error"]["message"]
            assert gone == f"There is no response '{kept}'."
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr


def test_what_the_engine_is_told(demo_gguf: Path, tmp_path: Path) -> None:
    """The flags for it reach its process, which is the server's alone; the others do their work."""
    path = tmp_path / "a.sock"
    (tmp_path / "settings.toml").write_text('[responses]\ndisk = "0M"\n')
    flags = ["--parallel", "2", "--kv", "q8_0", "--rope", "off", "--ctx", "256"]
    flags += ["--allow-origin", "https://a.example", "--allow-origin", "https://b.example"]
    flags += ["--allow-host", "box", "--queue", "5"]
    process = subprocess.Popen(
        command(str(demo_gguf), "--uds", str(path), *flags),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"LOCALQWQ_CONFIG_DIR": str(tmp_path)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"listening on unix:{path}\n"
        (engine,) = psutil.Process(process.pid).children()
        transport = httpx2.HTTPTransport(uds=str(path))
        with httpx2.Client(transport=transport, base_url="http://localhost") as http:
            page = {"Origin": "https://b.example"}
            assert http.get("/health").json()["status"] == "ok"
            stored = http.get("/v1/responses/resp_1").json()["error"]["message"]
            assert stored == "Responses are not stored here."
            told = http.get("/props").json()["load"]
            asked = {"parallel": 2, "kv_type": "q8_0", "rope": "off", "context": 256}
            assert asked.items() <= told.items()
            allowed = http.get("/health", headers=page).headers["access-control-allow-origin"]
            assert allowed == page["Origin"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not engine.is_running()
    assert not path.exists()


def test_https_and_a_line_for_each_request(demo_gguf: Path, tmp_path: Path) -> None:
    """Clients that trust the authority get in; the lines have nothing of what was said."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain, key, trusted = (tmp_path / name for name in ("chain.pem", "key.pem", "trusted.pem"))
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(trusted))
    tls = ["--tls-cert", str(chain), "--tls-key", str(key)]
    with subprocess.Popen(
        command(str(demo_gguf), "--port", "0", "--ctx", "256", "--log-requests", *tls),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("listening on ").strip()
            assert url.startswith("https://127.0.0.1:")
            context = ssl.create_default_context(cafile=trusted)
            with httpx2.Client(base_url=url, timeout=60, trust_env=False, verify=context) as http:
                body = {"prompt": "hidden words", "max_tokens": 2}
                assert http.post("/v1/completions?secret=1", json=body).status_code == 200
                assert http.get("/nothing").status_code == 404
            with pytest.raises(httpx2.ConnectError):
                httpx2.get(f"{url}/health", trust_env=False)
        finally:
            process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [line.split(" ", 2)[2] for line in stderr.splitlines() if " 127.0.0.1 " in line]
    assert [line.split()[1:4] for line in lines] == [
        ["POST", "/v1/completions", "200"],
        ["GET", "/nothing", "404"],
    ]
    assert "hidden" not in stderr
    assert "secret" not in stderr


def test_half_a_certificate(demo_gguf: Path) -> None:
    """Says what is missing, before anything is loaded."""
    ran = subprocess.run(
        command(str(demo_gguf), "--tls-cert", str(demo_gguf)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "error: TLS needs both --tls-cert and --tls-key.\n"


def test_interrupted_while_it_loads(demo_gguf: Path) -> None:
    """It ends, and its engine with it."""
    with subprocess.Popen(
        command(str(demo_gguf), "--port", "0", "--ctx", "256"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        engines: list[psutil.Process] = []
        while not engines:
            time.sleep(0.01)  # a process that starts sets no event
            with suppress(psutil.NoSuchProcess):  # another one has ended
                started = psutil.Process(process.pid).children()
                engines = [child for child in started if Child.ENGINE in child.cmdline()]
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
    assert psutil.wait_procs(engines, timeout=30)[1] == []


def test_a_port_in_use(tmp_path: Path) -> None:
    """It is told before the model is looked for, and none is loaded beside the one that has it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ran = subprocess.run(
            command(str(tmp_path / "no.gguf"), "--port", port),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"127.0.0.1:{port} is in use" in ran.stderr


def test_failures(tmp_path: Path) -> None:
    """A model that is not there is a sentence; a port that is none is wrong usage."""
    ran = subprocess.run(
        command(str(tmp_path / "no.gguf")), capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no.gguf" in ran.stderr.splitlines()[-1]
    ran = subprocess.run(
        command("--port", "99999"), capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2
