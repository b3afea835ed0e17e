"""Endpoints by name and by address, and where their keys come from."""

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.errors import NoKeyringError

from localqwq.client.endpoints import FoundEndpoint, find_endpoint, find_key
from localqwq.endpoint import Endpoint
from localqwq.errors import LocalqwqError
from localqwq.settings.schema import Settings
from localqwq.settings.sections import EndpointSettings

PLAIN = EndpointSettings(name="plain", url="http://127.0.0.1:11434/v1", model="qwq")
LOCKED = EndpointSettings(
    name="locked", url="https://example.org/api/v1", key_env="THE_KEY", opens_thought=True
)
SETTINGS = Settings(endpoints=[PLAIN, LOCKED])


class Keys(KeyringBackend):
    """A keyring in memory, as keyring's own interface wants it."""

    keys: dict[tuple[str, str], str] | None = None

    @properties.classproperty
    def priority(self) -> float:
        """None: it is used only where it is asked for, see `viable`."""
        raise RuntimeError("Only for these tests.")

    def get_password(self, service: str, username: str) -> str | None:
        """The key of an entry; without any keys, this machine has no keyring."""
        if self.keys is None:
            raise NoKeyringError
        return self.keys.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Nobody here writes keys."""
        raise AssertionError(service, username)


@pytest.fixture(autouse=True)
def keys() -> Iterator[Keys]:
    """No key in the keyring, and never this machine's own one."""
    before = keyring.get_keyring()
    keys = Keys()  # type: ignore[no-untyped-call]
    keys.keys = {}
    keyring.set_keyring(keys)
    yield keys
    keyring.set_keyring(before)


def test_by_name() -> None:
    """With its model, its key and what is known of its thoughts."""
    assert find_endpoint("plain", SETTINGS, {}) == FoundEndpoint(
        Endpoint("http://127.0.0.1:11434"), "qwq"
    )
    assert find_endpoint("locked", SETTINGS, {"THE_KEY": " s3cret\n"}) == FoundEndpoint(
        Endpoint("https://example.org/api", api_key="s3cret", opens_thought=True)
    )


def test_by_address() -> None:
    """With the key that is meant for them."""
    assert find_endpoint("http://a/v1", SETTINGS, {}) == FoundEndpoint(Endpoint("http://a"))
    assert find_endpoint("http://a", Settings(), {"LOCALQWQ_API_KEY": "k"}) == FoundEndpoint(
        Endpoint("http://a", api_key="k")
    )


def test_neither() -> None:
    """The sentence says which names there are."""
    with pytest.raises(LocalqwqError, match="by name: plain, locked"):
        find_endpoint("other", SETTINGS, {})
    with pytest.raises(LocalqwqError, match="not an endpoint"):
        find_endpoint("other", Settings(), {})


def test_keys_from_the_keyring(keys: Keys) -> None:
    """They come after the variable's; without either, the sentence names both."""
    with pytest.raises(LocalqwqError, match=r"THE_KEY.*keyring set localqwq locked"):
        find_key(LOCKED, {})
    keys.keys = {("localqwq", "locked"): "from keyring"}
    assert find_key(LOCKED, {}) == "from keyring"
    assert find_key(LOCKED, {"THE_KEY": "from variable"}) == "from variable"
    assert find_key(PLAIN, {"": "x"}) is None


def test_no_keyring_here(keys: Keys) -> None:
    """As if it had no key."""
    keys.keys = None
    assert find_key(PLAIN, {}) is None
    with pytest.raises(LocalqwqError, match="is not set"):
        find_key(LOCKED, {"THE_KEY": ""})
