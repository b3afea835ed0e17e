"""Text files in the encodings of the world."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.documents.encodings import decode

RUSSIAN = "Протокол собрания жильцов дома: обсудили ремонт крыши и оплату.\nРешили отложить.\n"
JAPANESE = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\nニャーニャー泣いていた。\n"
)
CHINESE = "有限责任公司的股东以其认缴的出资额为限对公司承担责任。\n会议记录如下：一、关于预算；\n"
GERMAN = "Sehr geehrte Damen und Herren, für die Größe danken wir: 5 € je Stück.\n"
FRENCH = "Voilà l'été déjà passé ; ça coûte très cher à Noël.\n"
POLISH = "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności. Zażółć gęślą jaźń.\n"
KOREAN = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.\n"
GREEK = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια.\n"
ENGLISH = "The quick brown fox jumps over the lazy dog.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_text_in_the_usual_encodings(encoding: str) -> None:
    """Lines end alike, marks are gone."""
    found = decode("Grüße\r\nfrom\rhere".encode(encoding))
    assert found is not None
    assert found.text == "Grüße\nfrom\nhere"
    assert found.guess == ("Windows-1252" if encoding == "cp1252" else "")


@pytest.mark.parametrize("length", [1, 40], ids=["short", "long"])
@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        (CHINESE, "gb18030", "GB18030"),
        (RUSSIAN, "cp1251", "Windows-1251"),
        (RUSSIAN, "koi8-r", "KOI8-R"),
        (RUSSIAN, "cp866", "DOS 866"),
        (JAPANESE, "shift_jis", "Shift-JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (KOREAN, "euc_kr", "EUC-KR"),
        (GREEK, "cp1253", "Windows-1253"),
        (POLISH, "cp1250", "Windows-1250"),
        (GERMAN, "cp1252", "Windows-1252"),
        (FRENCH, "cp1252", "Windows-1252"),
    ]
    + [
        (text, f"utf-{bits}-{end}", f"UTF-{bits}")
        for text in (ENGLISH, RUSSIAN, JAPANESE, CHINESE, GERMAN)
        for bits in (16, 32)
        for end in ("le", "be")
    ],
)
def test_what_has_no_mark_is_recognised(text: str, encoding: str, guess: str, length: int) -> None:
    """A few lines are enough; that it is a guess is said."""
    found = decode((text * length).encode(encoding))
    assert found is not None
    assert (found.text, found.guess) == (text * length, guess)


def test_what_a_long_file_says_late_counts() -> None:
    """The first line beyond ASCII may be far behind the first megabyte."""
    text = ENGLISH * 40_000 + RUSSIAN
    found = decode(text.encode("cp1251"))
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(
    "head",
    ['<meta charset="koi8-r">', "<?xml version='1.0' encoding='KOI8-R'?>", "# coding: koi8_r"],
)
def test_what_a_file_states_is_believed(head: str) -> None:
    """Where it is true; nothing is guessed then."""
    found = decode(f"{head}\nещё".encode("koi8-r"))
    assert found is not None
    assert (found.text, found.guess) == (f"{head}\nещё", "")
    wrong = decode(f"{head}\nещё".encode())
    assert wrong is not None
    assert wrong.text == f"{head}\nещё"


def test_programs_and_pictures_are_not_text() -> None:
    """Whatever they begin with, and wherever they are cut."""
    noise = zlib.compress(bytes(number * number % 251 for number in range(5_000)))
    for start in (b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\x7fELF\x02\x01", b"PK\x03\x04\x14\0"):
        for length in (200, 1_001, 4_000):
            assert decode(start + noise[:length]) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_none(data: bytes) -> None:
    """Never an exception, and never the line ends of other systems."""
    found = decode(data)
    assert found is None or "\r" not in found.text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_utf_8_is_always_believed(text: str) -> None:
    """Whatever it might be in another encoding, where no mark or zero speaks against it."""
    data = text.encode()
    if b"\0" in data or text.startswith("\ufeff"):
        return
    found = decode(data)
    assert found is not None
    assert found.text == text.replace("\r\n", "\n").replace("\r", "\n")
    assert found.guess == ""
