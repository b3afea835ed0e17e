"""Keys with names and scopes: their file, what they open, and what the log says of them."""

import logging
from pathlib import Path

import httpx2
import pytest

from localqwq.errors import LocalqwqError
from localqwq.server.http.guard import Guard
from localqwq.server.http.keys import ALL, Key, read_keys
from localqwq.server.http.replies import json_response
from localqwq.server.http.request_log import LOGGER, RequestLog

FILE = """
[laptop]
key = "a-long-secret-of-mine"
scopes = ["generate"]

["monitoring at work"]
key = "another-long-secret"
scopes = ["metrics"]

[everything]
key = "the-secret-of-everything"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file, which only its owner may read."""
    path = tmp_path / "keys.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def test_the_file(path: Path) -> None:
    """Names, keys and scopes; nothing shows the key."""
    laptop, monitoring, everything = read_keys(path)
    assert laptop == Key("laptop", "a-long-secret-of-mine", frozenset({"generate"}))
    assert monitoring.name == "monitoring at work"
    assert everything.scopes == ALL
    assert "secret" not in repr(laptop)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no keys"),
        ("[a]\nkey = 'short'", "at least 16"),
        ("[a]\nkey = 'a-long-secret-of-mine'\nscopes = ['all']", "generate"),
        ("[a]\nkeys = 'a-long-secret-of-mine'", "key"),
        ("[a]\nkey = 'a-long-secret of mine'", "key"),
        ("a = 1", "a"),
        ("[a", "TOML"),
        ("[a]\nkey = 'a-long-secret-of-mine'\n[b]\nkey = 'a-long-secret-of-mine'", "same key"),
    ],
)
def test_wrong_files(path: Path, text: str, said: str) -> None:
    """One sentence with the file's name, and without any key."""
    path.write_text(text)
    with pytest.raises(LocalqwqError) as wrong:
        read_keys(path)
    assert str(path) in str(wrong.value)
    assert said in str(wrong.value)
    assert "secret" not in str(wrong.value)


def test_a_file_that_others_may_read(path: Path) -> None:
    """Is refused, with what prevents it; so is one that is not there."""
    path.chmod(0o640)
    with pytest.raises(LocalqwqError, match="chmod 600"):
        read_keys(path)
    path.unlink()
    with pytest.raises(LocalqwqError, match="cannot be read"):
        read_keys(path)


async def test_what_each_opens(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No more than its scopes; the log has its name."""
    caplog.set_level(logging.INFO, LOGGER.name)
    guarded = Guard(json_response({}), keys=read_keys(path), loopback=False)
    transport = httpx2.ASGITransport(RequestLog(guarded))
    opened = {}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for key in read_keys(path):
            for url in ("/v1/chat/completions", "/v1/models/load", "/api/pull", "/metrics"):
                reply = await http.post(url, headers={"Authorization": f"Bearer {key.secret}"})
                opened[key.name, url] = reply.status_code == 200
                if reply.status_code == 403:
                    assert f"'{key.name}' lacks the scope" in reply.text
        assert (await http.get("/metrics", headers={"X-Api-Key": "wrong"})).status_code == 401
        assert (await http.get("/health")).status_code == 200
    assert {pair for pair, is_open in opened.items() if is_open} == {
        ("laptop", "/v1/chat/completions"),
        ("monitoring at work", "/metrics"),
        ("everything", "/v1/chat/completions"),
        ("everything", "/v1/models/load"),
        ("everything", "/api/pull"),
        ("everything", "/metrics"),
    }
    lines = caplog.messages
    for name in ("laptop", "monitoring at work", "everything"):
        assert sum(f" {name} POST " in line for line in lines) == 4
    assert not any("secret" in line for line in lines)
