"""Models behind other people's servers, as the app finds them."""

import pytest

from localqwq.client.endpoints import FoundEndpoint
from localqwq.endpoint import Endpoint
from localqwq.errors import LocalqwqError
from localqwq.tui.session.models import Facts, RemoteModel
from tests.other_servers import Asked, Reply, listing, refusing, serving


def two(_: Asked) -> Reply:
    """A server with two models."""
    return listing("first", "second")


async def prepared(url: str, found: str | None = None, named: str | None = None) -> Facts:
    """What the app knows of a model there; `found` with the endpoint, `named` by a person."""
    model = RemoteModel(lambda: FoundEndpoint(Endpoint(url), found), named)
    try:
        facts = await model.prepare()
        assert (await model.connect()).endpoint.url == url
    finally:
        await model.close()
    return facts


async def test_which_model() -> None:
    """The one that a person names, else the endpoint's own, else the first."""
    async with serving(two) as server:
        assert await prepared(server.url, "second", "third") == Facts("third", served="third")
        assert await prepared(server.url, "second") == Facts("second", served="second")
        assert await prepared(server.url) == Facts("first", served="first")


async def test_servers_without_a_list() -> None:
    """A named model is believed in; without a name there is nothing to talk with."""
    async with serving(lambda _: refusing("404 Not Found", {})) as server:
        assert (await prepared(server.url, "mine")).name == "mine"
        with pytest.raises(LocalqwqError):
            await prepared(server.url)
    async with serving(lambda _: listing()) as server:
        with pytest.raises(LocalqwqError, match="serves no model"):
            await prepared(server.url)


async def test_an_endpoint_that_is_not_found() -> None:
    """The sentence about its key or its name is the one that is shown."""

    def find() -> FoundEndpoint:
        raise LocalqwqError("No key.")

    with pytest.raises(LocalqwqError, match=r"^No key\.$"):
        await RemoteModel(find).prepare()
