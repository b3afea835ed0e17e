"""The encoding of a text file: from its mark, its own statement, UTF-8, or a stated guess."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_STATED = re.compile(rb"""(?:charset|encoding|coding)\s*[=:]\s*["']?([a-zA-Z][\w.:-]{1,30})""")
_STATED_WITHIN = 1024
"""Bytes at the beginning in which browsers look for it."""

_LATIN = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "iso8859_2": "ISO 8859-2",
    "cp1254": "Windows-1254",
    "mac_roman": "Mac Roman",
}
"""Western first: it is used if nothing suggests another one."""
_OTHERS = {
    "cp932": "Shift-JIS",
    "gb18030": "GB18030",
    "euc_jp": "EUC-JP",
    "cp949": "EUC-KR",
    "big5hkscs": "Big5",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "koi8_u": "KOI8-U",
    "cp866": "DOS 866",
    "cp1253": "Windows-1253",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp874": "Windows-874",
}
_WIDE = {
    "utf_16_le": "UTF-16",
    "utf_16_be": "UTF-16",
    "utf_32_le": "UTF-32",
    "utf_32_be": "UTF-32",
}
_RUN = re.compile(rb"[\x80-\xff]+")
_BESIDE_LETTERS = re.compile(
    rb"(?<=[A-Za-z])[\x80-\xff]{1,2}(?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff]{1,2}(?=[A-Za-z])"
)
_SAMPLE = 16 << 10
"""Bytes that a guess is based on."""
_MOST_CONTROLS = 0.01
"""Maximum share of control characters in text; a binary file has ten times as many."""
_PLAIN_CONTROLS = frozenset("\t\n\r\f\v\x08\x1a\x1b")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The decoded text of a file."""

    text: str
    """The text, with lines ending in a line feed."""
    guess: str = ""
    """The name of its encoding, if it was guessed."""


def decode(data: bytes) -> Decoded | None:
    """Decode text by its mark, as UTF-8, by its own statement, or by a guess.

    Returns:
        The text, or None if it is not text.
    """
    marked = next((codec for mark, codec in _MARKS if data.startswith(mark)), None)
    if marked is not None:
        text = _attempt(data, marked)
        return None if text is None else Decoded(_lines(text))
    if b"\0" in data:
        return _first(data, _by_zeros(data), _WIDE)
    for codec in ("utf-8", _stated(data)):
        text = _attempt(data, codec) if codec else None
        if text is not None:
            return Decoded(_lines(text))
    known = _LATIN if _is_latin(data) else _OTHERS | _LATIN | _WIDE
    return _first(data, [*_ranked(data, known), *_LATIN], known | _LATIN)


def guessed(encoding: str) -> str:
    """Return the remark about a guessed encoding."""
    return f"it does not state its encoding, so it was read as {encoding}: check its letters"


def _first(data: bytes, codecs_: list[str], names: dict[str, str]) -> Decoded | None:
    """Return the text in the first encoding that yields text."""
    for codec in codecs_:
        text = _attempt(data, codec)
        if text is not None and _is_text(text, wide=codec in _WIDE):
            return Decoded(_lines(text), names[codec])
    return None


def _by_zeros(data: bytes) -> list[str]:
    """Return the wide encodings, the likeliest first: small characters have a zero on one side."""
    even, odd = data[::2].count(0), data[1::2].count(0)
    order = ("le", "be") if odd >= even else ("be", "le")
    return [f"utf_{bits}_{end}" for bits in (32, 16) for end in order]


def _stated(data: bytes) -> str | None:
    """Return the encoding stated at the beginning of HTML, XML or code, if Python supports it."""
    found = _STATED.search(data[:_STATED_WITHIN])
    if found is None:
        return None
    try:
        return codecs.lookup(found.group(1).decode("ascii")).name
    except (LookupError, UnicodeDecodeError):
        return None


def _is_latin(data: bytes) -> bool:
    """Return whether the bytes beyond ASCII look like accented letters: few, beside plain
    letters.
    """
    looked = data[: 64 * _SAMPLE]
    runs = _RUN.findall(looked)
    beside = _BESIDE_LETTERS.findall(looked)
    return 2 * len(beside) > len(runs) and 10 * sum(map(len, runs)) < 3 * len(looked)


def _ranked(data: bytes, names: dict[str, str]) -> list[str]:
    """Return the encodings that yield readable text, the likeliest first."""
    from charset_normalizer import from_bytes

    found = {
        codec: (match.chaos, match.coherence)
        for match in from_bytes(_sample(data), 1, _SAMPLE, cp_isolation=list(names))
        for codec in match.could_be_from_charset
    }
    order = list(names)
    best = next(iter(found.values()), None)
    # The first is the best; among equals, the more common one is taken.
    return sorted(
        (codec for codec in found if codec in names),
        key=lambda codec: (found[codec] != best, order.index(codec) if found[codec] == best else 0),
    )


def _sample(data: bytes) -> bytes:
    """Return lines that are not plain ASCII, as many as a guess needs."""
    if len(data) <= _SAMPLE:
        return data
    telling = (line for line in data.splitlines(keepends=True) if not line.isascii())
    sample = b""
    for line in telling:
        if sample and len(sample) + len(line) > _SAMPLE:
            break
        sample += line
    return sample


def _attempt(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _is_text(text: str, wide: bool) -> bool:
    """Return whether the characters form a text; binary files read as wide ones do not."""
    looked = text[:_SAMPLE]
    odd = sum(1 for letter in looked if letter not in _PLAIN_CONTROLS and _is_odd(letter, wide))
    return odd <= (0 if wide else _MOST_CONTROLS * len(looked))


def _is_odd(letter: str, wide: bool) -> bool:
    kind = unicodedata.category(letter)
    return kind == "Cc" or (wide and kind in ("Cn", "Co", "Cs"))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
