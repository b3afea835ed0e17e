"""Line ends and byte order marks, as written by editors on Windows."""

from __future__ import annotations

from difflib import SequenceMatcher

_MARK = "\ufeff"


def normalized(raw: str) -> str:
    """Return the text as TOML parsers take it: without the mark, with Unix line ends."""
    return raw.removeprefix(_MARK).replace("\r\n", "\n")


def with_ends_of(raw: str, new: str) -> str:
    """Return ``new``, which is normalized, with the mark and the line ends of ``raw``.

    Unchanged lines keep their own end, new ones get the file's usual one.
    """
    mark = _MARK if raw.startswith(_MARK) else ""
    before, after = raw.removeprefix(mark).split("\n"), new.split("\n")
    usual = "\r" if 2 * raw.count("\r\n") > raw.count("\n") else ""
    old = [line.removesuffix("\r") for line in before]
    ends = [usual] * len(after)
    matcher = SequenceMatcher(None, old, after, autojunk=False)
    for start, place, size in matcher.get_matching_blocks():
        for offset in range(size):
            if start + offset < len(before) - 1:  # the last one has no end
                ends[place + offset] = "\r" if before[start + offset].endswith("\r") else ""
    ends[-1] = ""
    return mark + "\n".join(line + end for line, end in zip(after, ends, strict=True))
