"""What the tests of stored states share."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from localqwq.engine.states.packed import TOKEN_BYTES, pack
from localqwq.engine.states.store import WORTHWHILE, Save, StateStore

GENEROUS = 1 << 30
WHOLE = 1 << 20
"""Tokens of a piece, more than any conversation here has."""


# Tokens whose bytes sort otherwise than the numbers do.
TOKENS = st.lists(st.sampled_from([0, 1, 256, 65_537]), max_size=4).map(tuple)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """The length of the common beginning, naively."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def conversation(number: int, length: int = WORTHWHILE) -> list[int]:
    """Tokens that begin like no other conversation's."""
    return [number, *range(1000, 999 + length)]


def blob_of(tokens: Sequence[int], start: int = 0) -> bytes:
    """Bytes that only these tokens have, from this position on."""
    return pack([start, *tokens, 77]) * 2


def saving(tokens: Sequence[int], mark: bytes = b"") -> Save:
    """What saves a conversation, as a context does."""
    return lambda start, end: mark + blob_of(tokens[start:end], start)


def store_in(
    directory: Path | None, *, ram: int = GENEROUS, disk: int = GENEROUS, daily: int = GENEROUS
) -> StateStore:
    """A store with the key that most tests use."""
    return StateStore(
        key="k", ram_bytes=ram, directory=directory, disk_bytes=disk, daily_bytes=daily
    )


def put(store: StateStore, tokens: Sequence[int], mark: bytes = b"", most: int = WHOLE) -> None:
    """Evict a conversation from the cache."""
    store.put(tokens, saving(tokens, mark), most)


def loaded(store: StateStore, tokens: Sequence[int], mark: bytes = b"") -> int:
    """How many of these tokens the store has, whose blobs it was seen to have."""
    found = store.find(tokens)
    if found is None:
        return 0
    have = 0
    for piece, end, blob in store.load(found, 0, found.common):
        assert piece.start <= have < end
        whole = [*tokens[: piece.start], *tokens_of(piece.tokens)]
        assert whole[:end] == list(tokens[:end])
        assert bytes(blob) == saving(whole, mark)(piece.start, piece.end)
        have = end
    return have


def kept(store: StateStore, tokens: Sequence[int], mark: bytes = b"") -> bool:
    """Whether the store has all of these tokens."""
    return loaded(store, tokens, mark) == len(tokens)


def tokens_of(packed: bytes) -> list[int]:
    """The tokens."""
    return list(memoryview(packed).cast("i"))


def keep_on_disk(directory: Path, *conversations: list[int], disk: int = GENEROUS) -> None:
    """Leave the states of conversations in a directory, as an earlier run did."""
    store = store_in(directory, disk=disk)
    for tokens in conversations:
        put(store, tokens)
    store.flush()


def file_bytes(tokens: Sequence[int], start: int = 0) -> int:
    """The size of the file of a piece with these tokens."""
    return 64 + len(tokens) * TOKEN_BYTES + len(blob_of(tokens, start)) + 64


def files(directory: Path) -> list[Path]:
    """Everything in a directory, hidden or not, but the count of the day's writes."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if not path.name.startswith(".written-"))
