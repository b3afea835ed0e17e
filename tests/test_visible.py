"""What a terminal would obey, or nobody would see, becomes a sign; what people need stays."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.visible import VisiblePieces, is_hidden, one_line, visible, visible_code

HIDDEN = [chr(code) for code in range(0x110000) if is_hidden(chr(code))]
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
NEEDED = st.sampled_from(
    ["👩🏽\u200d💻", SCOTLAND, "می\u200cخواهم", "क्\u200dष", "❤\ufe0f", "葛\U000e0100", "a", " "]
)
TEXTS = st.one_of(
    st.text(), st.lists(st.one_of(NEEDED, st.sampled_from(HIDDEN)), max_size=12).map("".join)
)


@pytest.mark.parametrize(
    "text",
    [
        "👩🏽\u200d💻 and 👨\u200d👩\u200d👧\u200d👦, 🙂\u200d↔\ufe0f, 🏳\ufe0f\u200d⚧\ufe0f",
        "❤\ufe0f, ✔\ufe0e, 1\ufe0f⃣, 🇩🇪",
        SCOTLAND,
        "می\u200cخواهم, क्\u200dष, ക്\u200d, ශ්\u200dරී",
        "ภาษา\u200bไทย",
        "שלום\u200f! \u200eעברית",
        "葛\U000e0100, ≨\ufe00",
        "plain text,\twith a tab\nand a line",
        "naïve e\u0301, ﷽, \ue0b0",
    ],
)
def test_what_people_need_stays(text: str) -> None:
    """Emoji, joined scripts, variants and marks of direction, each in its place."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m\x07\x7f", "␛[31m␇␡"),
        ("a\x9b2J\r\x85\u2028b", "a�2J   b"),
        ("rm \u202efdp.exe\u202c", "rm �fdp.exe�"),
        ("x\u2066y\u2069", "x�y�"),
        ("pay\u200bpal pay\u200cpal pay\u200dpal pay\u2060pal", "pay�pal pay�pal pay�pal pay�pal"),
        ("\ufeffword so\u00adft a\ufe0f", "�word so�ft a�"),
        ("hi\U000e0068\U000e0069", "hi��"),
        ("🏴\U000e0067\U000e0062 🙂\ufe0f\ufe01\U000e0101", "🏴�� 🙂\ufe0f��"),
        ("Latin\u200f only", "Latin� only"),
        ("\ud800 \ufffe \U0001ffff \u1160 \u3164", "� � � � �"),
    ],
)
def test_what_misleads_is_a_sign(text: str, shown: str) -> None:
    """Controls, directions, nothings within words, hidden messages, and no characters at all."""
    assert visible(text) == shown


def test_code_has_no_exception() -> None:
    """A compiler reads the joiner of an emoji like any other character."""
    assert visible_code("x = '👨\u200d👩\u200d👧\ufe0f'") == "x = '👨�👩�👧�'"


@given(TEXTS)
def test_places_stay_and_nothing_is_obeyed(text: str) -> None:
    """One sign for one character, of which none is a control and few are hidden."""
    prose, code = visible(text), visible_code(text)
    assert len(prose) == len(code) == len(text)
    assert visible(prose) == prose
    assert not any(map(is_hidden, code))
    assert not any("\u202a" <= sign <= "\u202e" or "\u2060" <= sign <= "\u206f" for sign in prose)
    for sign in prose + code:
        assert unicodedata.category(sign) not in ("Cc", "Cs") or sign in "\t\n"
    changed = [was for sign, was in zip(prose, text, strict=True) if sign != was]
    assert not any(was.isprintable() and not is_hidden(was) for was in changed)
    assert "\n" not in one_line(text)


@given(TEXTS, st.lists(st.integers(0, 40)))
def test_pieces_become_the_whole(text: str, cuts: list[int]) -> None:
    """Wherever a text is cut, it looks as it does in one piece."""
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = VisiblePieces()
    shown = [pieces.take(text[a:b]) for a, b in pairwise(places)]
    assert "".join(shown) + pieces.rest() == visible(text)
