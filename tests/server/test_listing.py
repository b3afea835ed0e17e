"""The list of installed models, which clients poll."""

from pathlib import Path

import pytest

from localqwq.locations import packs_directory
from localqwq.models.outlook import Outlook, look
from localqwq.packs.store.store import Store
from localqwq.server.pool import listing
from localqwq.server.pool.listing import Listings


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Outlook]:
    """Whenever the machine was looked at."""
    found: list[Outlook] = []

    def counted(**options: object) -> Outlook:
        assert options == {"measure": "if needed"}
        found.append(look())
        return found[-1]

    monkeypatch.setattr(listing, "look", counted)
    return found


def test_the_machine_is_looked_at_once_a_minute(demo_gguf: Path, looks: list[Outlook]) -> None:
    """However often the list is asked for; a pack that is added is in it at once."""
    now = 1000.0
    store, listings = Store(packs_directory()), Listings(lambda: now)
    store.add(demo_gguf, name="first")
    (first,) = listings.of(store.installed())
    assert (first.name, first.fits) == ("first:Q8_0", True)
    assert first.facts is not None
    assert listings.of(store.installed())[0] is first
    store.add(demo_gguf, name="second")
    now += 59
    assert [one.name for one in listings.of(store.installed())] == ["first:Q8_0", "second:Q8_0"]
    assert len(looks) == 1
    now += 1
    assert len(listings.of(store.installed())) == 2
    assert len(looks) == 2


def test_a_file_that_changes_is_read_again(demo_gguf: Path, looks: list[Outlook]) -> None:
    """One that is damaged is listed without what was in it."""
    store, listings = Store(packs_directory()), Listings()
    store.add(demo_gguf, name="first")
    (before,) = listings.of(store.installed())
    assert before.verdict is not None
    path = store.installed()[0].path
    content = path.read_bytes()
    path.unlink()  # it may be a link to the demo
    path.write_bytes(bytes(8) + content[8:])  # of the same size, so that the store still has it
    (after,) = listings.of(store.installed())
    assert (after.facts, after.verdict) == (None, None)
    assert len(looks) == 1
