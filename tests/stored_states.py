"""What the tests of stored states share."""

from pathlib import Path

from hypothesis import strategies as st

from localqwq.engine.states.index import pack
from localqwq.engine.states.store import WORTHWHILE, StateStore

GENEROUS = 1 << 30


# Tokens whose bytes sort otherwise than the numbers do.
TOKENS = st.lists(st.sampled_from([0, 1, 256, 65_537]), max_size=4).map(tuple)


def common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """The length of the common beginning, naively."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def conversation(number: int, length: int = WORTHWHILE) -> list[int]:
    """Tokens that begin like no other conversation's."""
    return [number, *range(1000, 999 + length)]


def blob_of(tokens: list[int] | tuple[int, ...]) -> bytes:
    """Bytes that only these tokens have."""
    return pack([*tokens, 77]) * 2


def store_in(directory: Path | None, *, ram: int = GENEROUS, disk: int = GENEROUS) -> StateStore:
    """A store with the key that most tests use."""
    return StateStore(key="k", ram_bytes=ram, directory=directory, disk_bytes=disk)


def kept(store: StateStore, tokens: list[int]) -> bytes | None:
    """The blob of exactly these tokens, if the store still has it."""
    found = store.find(tokens)
    if found is None or found.common < len(tokens):
        return None
    blob = store.load(found)
    return None if blob is None else bytes(blob)


def keep_on_disk(directory: Path, *conversations: list[int], disk: int = GENEROUS) -> None:
    """Leave the states of conversations in a directory, as an earlier run did."""
    store = store_in(directory, disk=disk)
    for tokens in conversations:
        store.put(tokens, blob_of(tokens))
    store.flush()


def files(directory: Path) -> list[Path]:
    """Everything in a directory, hidden or not."""
    return sorted(directory.iterdir()) if directory.is_dir() else []
