"""What is kept in the cache directory, and what happens where that cannot be done."""

from pathlib import Path

from localqwq.hardware.cache_file import CacheFile


def test_entries_are_kept_in_their_order() -> None:
    """The newest last; the oldest make room; one that is written again is new."""
    kept = CacheFile("test")
    assert kept.read() == {}
    for number in range(70):
        kept.write(str(number), number)
    kept.write("6", "again")
    entries = CacheFile("test").read()
    assert list(entries) == [*map(str, range(7, 70)), "6"]
    assert entries["6"] == "again"


def test_a_file_that_cannot_be_used(home: Path) -> None:
    """Neither damage nor a folder in its place is more than a loss of time."""
    kept, path = CacheFile("test"), home / "cache" / "test.json"
    path.parent.mkdir()
    large = b'{"a": 1%s}' % (b"0" * 400)
    deep = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for damage in (b"", b"{", b"[1]", b"\xff", large, deep):
        path.write_bytes(damage)
        assert kept.read() == {}
    path.unlink()
    path.mkdir()
    (path / "file").touch()
    kept.write("a", 1)
    assert kept.read() == {}
    assert [found.name for found in path.parent.iterdir()] == ["test.json"]


def test_no_folder_for_it(home: Path) -> None:
    """A file is where the cache directory would be."""
    (home / "cache").write_text("")
    CacheFile("test").write("a", 1)
    assert CacheFile("test").read() == {}
