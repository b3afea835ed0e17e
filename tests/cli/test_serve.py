"""``localqwq serve``: the same server, with a model by its name on the command line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2


def command(*arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "localqwq", "serve", *arguments]


def test_serves_until_interrupted(demo_gguf: Path) -> None:
    """The address comes on stdout once it answers; Ctrl-C is 130."""
    process = subprocess.Popen(
        command(str(demo_gguf), "--port", "0", "--ctx", "512", "--api-key", "secret"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"LOCALQWQ_API_KEY": "another"},
    )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        headers = {"Authorization": "Bearer secret"}
        with httpx2.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
            assert http.get("/v1/models").json()["data"][0]["id"] == "demo:Q8_0"
            body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
            usage = http.post("/v1/chat/completions", json=body).json()["usage"]
            assert usage["completion_tokens"] == 2
            assert http.get("/v1/models", headers={"Authorization": ""}).status_code == 401
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr


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
