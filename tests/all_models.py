"""A server of all installed models, as ``localqwq serve`` runs it."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import psutil

from localqwq.locations import settings_file

CHAT = "/v1/chat/completions"
SETTINGS = """
model = "first:Q8_0"
[serving]
unknown = "{unknown}"
[serving.aliases]
"gpt-*" = "second"
"""


def body(model: str | None, **more: Any) -> dict[str, Any]:
    """A short question."""
    asked = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
    return asked | ({} if model is None else {"model": model}) | more


@dataclass
class Serving:
    """A server of all models, and a client of it."""

    process: subprocess.Popen[str]
    http: httpx2.Client

    def states(self) -> dict[str, str]:
        """Of all models."""
        return {one["id"]: one["state"] for one in self.http.get("/v1/models").json()["data"]}

    def answering(self, model: str | None) -> str:
        """The model that answers to a name."""
        reply = self.http.post(CHAT, json=body(model))
        assert reply.status_code == 200, reply.text
        return str(reply.json()["model"])

    def requests(self) -> int:
        """How many use a model."""
        return sum(one["requests"] for one in self.http.get("/api/ps").json()["models"])

    def generated(self, headers: dict[str, str]) -> int:
        """Tokens since it was started."""
        page = self.http.get("/metrics", headers=headers).text
        found = re.search(r"^localqwq_generated_tokens_total (\d+)", page, re.MULTILINE)
        assert found is not None
        return int(found[1])

    def engines(self) -> list[psutil.Process]:
        """The processes of the models in memory."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # one that asked for the devices has ended
                found += [child] if "localqwq.server.engine" in child.cmdline() else []
        return found

    def said(self, words: str) -> bool:
        """Whether it has said this on stderr by now."""
        assert self.process.stderr is not None
        return any(words in line for line in iter(self.process.stderr.readline, "") if line)

    def kill(self) -> None:
        """End it without a warning; its engines end by themselves."""
        self.process.kill()
        self.process.wait(30)


@contextmanager
def serving(unknown: str, *options: str, settings: str = "") -> Iterator[Serving]:
    """A server of what is installed; nothing of it is left in the end."""
    settings_file().write_text(SETTINGS.format(unknown=unknown) + settings)
    command = [sys.executable, "-m", "localqwq", "serve", "--port", "0", "--ctx", "512", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("listening on ").strip()
            assert url, process.communicate()
            with httpx2.Client(base_url=url, timeout=120, trust_env=False) as http:
                yield Serving(process, http)
        finally:
            engines, code = [], -signal.SIGKILL
            if process.poll() is None:
                engines, code = psutil.Process(process.pid).children(), 0
                process.send_signal(signal.SIGTERM)
            assert process.wait(30) == code
        assert not any(engine.is_running() for engine in engines)
