"""The settings count where the command line is silent."""

import asyncio
import json
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.cli.settings import default_endpoint, request_defaults
from localqwq.errors import LocalqwqError
from localqwq.locations import settings_file
from localqwq.models.defaults import default_model
from localqwq.models.spec import resolve
from localqwq.settings.schema import Settings
from tests.other_servers import Asked, OtherServer, Reply, listing, serving, streaming


def keep(text: str) -> None:
    """Write the settings."""
    settings_file().write_text(text, encoding="utf-8")


def reply(asked: Asked) -> Reply:
    """What vLLM says."""
    if asked.line.endswith("/models"):
        return listing("first", "second", owner="vllm")
    return streaming({"reasoning_content": "Hm."}, {"content": "Hi!"})


async def ask(*arguments: str) -> int:
    """`localqwq ask` while a server here answers."""
    return await asyncio.to_thread(main, ["ask", "Hello", *arguments])


def test_the_model(demo_gguf: Path) -> None:
    """Nothing named means the settings' model; a wrong one is told."""
    keep(f"model = '{demo_gguf}'\nendpoint = 'mine'\n")
    assert resolve(None).path == demo_gguf
    assert default_endpoint(None) == "mine"
    assert default_endpoint("demo") is None
    keep("model = 'nonsense'\n")
    with pytest.raises(LocalqwqError, match="nonsense"):
        resolve(None)
    keep("model = 3\n")
    assert default_model() is None


async def test_an_endpoint_with_its_key(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name or as the one to use; the settings' values go with it, and flags before them."""
    monkeypatch.setenv("MINE_KEY", "s3cret")
    async with serving(reply) as server:
        keep(
            "endpoint = 'mine'\n[sampling]\ntop_k = 30\ntemperature = 0.4\nmax_tokens = 50\n"
            "[[endpoints]]\nname = 'mine'\nmodel = 'second'\nkey_env = 'MINE_KEY'\n"
            f"url = '{server.url}/v1'\n"
        )
        assert await ask("--json") == 0
        document = json.loads(capfd.readouterr().out)
        assert await ask("--endpoint", "mine", "-m", "first", "--temperature", "0.9") == 0
    assert (document["answer"], document["reasoning"], document["model"]) == (
        "Hi!",
        "Hm.",
        "second",
    )
    silent, flags = server.chats
    assert (silent["model"], silent["temperature"], silent["top_k"]) == ("second", 0.4, 30)
    assert (flags["model"], flags["temperature"], flags["top_k"]) == ("first", 0.9, 30)
    assert silent["max_tokens"] == 50
    assert {one.headers["authorization"] for one in server.asked} == {"Bearer s3cret"}
    assert "s3cret" not in "".join(capfd.readouterr())


async def test_sentences(capfd: pytest.CaptureFixture[str]) -> None:
    """A wrong file, a key that is missing, an endpoint that is not there: each says the way out."""
    server = OtherServer("http://127.0.0.1:9")
    keep(
        "endpoint = 'mine'\n[sampling]\ntop_k = 'x'\n"
        f"[[endpoints]]\nname = 'mine'\nurl = '{server.url}'\nkey_env = 'MINE_KEY'\n"
    )
    assert await ask() == 1
    assert "takes its key from MINE_KEY" in capfd.readouterr().err
    assert await ask("--endpoint", "other") == 1
    assert "by name: mine" in capfd.readouterr().err
    assert await ask("--endpoint", server.url) == 1
    assert "No server answers at http://127.0.0.1:9" in capfd.readouterr().err


def test_what_a_server_is_told() -> None:
    """Only what somebody has set."""
    assert request_defaults(Settings()) is None
    chosen = {"sampling": {"top_k": 3, "max_tokens": 9}, "thinking": {"budget": 7, "effort": "low"}}
    told = request_defaults(Settings.model_validate(chosen))
    assert json.loads(told or "") == {"top_k": 3, "max_tokens": 9, "reasoning_budget": 7}
    silent = {"thinking": {"loop_detection": False, "hand_over": "Now."}}
    told = request_defaults(Settings.model_validate(silent))
    assert json.loads(told or "") == {
        "loop_detection": False,
        "reasoning_budget_message": "Now.",
    }
