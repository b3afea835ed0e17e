"""How a person names other machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.hardware.remote import RpcServer, named_servers

HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?", fullmatch=True)
PORTS = st.integers(1, 65_535)


def test_none_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is connected to that was not named."""
    monkeypatch.delenv("LOCALQWQ_RPC", raising=False)
    assert named_servers() == ()
    monkeypatch.setenv("LOCALQWQ_RPC", "big:50052=8G, 10.0.0.7:1,,big:50052")
    assert named_servers() == (RpcServer("big:50052"), RpcServer("10.0.0.7:1"))


@given(st.lists(st.tuples(HOSTS, PORTS, st.none() | st.integers(1, 4096)), max_size=16))
def test_all_that_is_named(servers: list[tuple[str, int, int | None]]) -> None:
    """In the order of the list, each address once, with its limit."""
    named = {f"{host}:{port}": size for host, port, size in servers}
    text = ",".join(
        address if size is None else f"{address}={size}M" for address, size in named.items()
    )
    expected = [(address, size and size << 20) for address, size in named.items()]
    assert [(server.address, server.limit) for server in named_servers(text)] == expected


@pytest.mark.parametrize(
    "text",
    ["here", "here:", ":50052", "here:0", "here:65536", "here:1=", "here:1=8", "[::1]:1", "a b:1"],
)
def test_what_is_no_server(text: str) -> None:
    """The word is named, and how it is to be written."""
    with pytest.raises(LocalqwqError, match="HOST:PORT") as raised:
        named_servers(f"10.0.0.7:50052,{text}")
    assert repr(text) in str(raised.value)


def test_too_many() -> None:
    """llama.cpp has room for sixteen devices."""
    with pytest.raises(LocalqwqError, match="names 17 servers"):
        named_servers(",".join(f"10.0.0.{number}:50052" for number in range(17)))
