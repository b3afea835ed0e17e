"""Escape, Alt and sequences are told apart, and no text is lost or added."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.tui.keyboard.escapes import ESCAPE, AltKey, EscapeKey, Escapes

WORDS = st.text("acdeghimnostwxyz 123^ß", min_size=1, max_size=5)


def split(*texts: str, bound: frozenset[str] = frozenset()) -> list[str | EscapeKey | AltKey]:
    """Everything, with neighbouring texts joined."""
    escapes = Escapes(lambda: bound)
    found = [piece for text in texts for piece in escapes.feed(text)]
    joined: list[str | EscapeKey | AltKey] = []
    for piece in [*found, *escapes.release()]:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


@given(st.lists(st.one_of(WORDS, st.just(ESCAPE)), max_size=8), st.data())
def test_words_and_escapes(typed: list[str], data: st.DataObject) -> None:
    """However the terminal divides them: each Escape is one, and each letter is there."""
    whole = "".join(typed)
    cut = data.draw(st.integers(0, len(whole)))
    told = split(whole[:cut], whole[cut:])
    assert "".join(ESCAPE if one == EscapeKey() else str(one) for one in told) == whole
    assert told.count(EscapeKey()) == whole.count(ESCAPE)


def test_sequences_go_on_to_the_parser() -> None:
    """Whole, also in pieces: arrows, function keys, words."""
    for sequence in (
        "\x1b[A",
        "\x1bOP",
        "\x1bf",
        "\x1b\x7f",
        "\x1b\r",
        "\x1b[<0;3;4M",
        "\x1b\x1b[A",
    ):
        assert split(sequence) == [sequence]
        assert split("a" + sequence + "b") == [f"a{sequence}b"]
        for cut in range(1, len(sequence)):
            assert split(sequence[:cut], sequence[cut:]) == [sequence]


def test_alt_with_a_letter_that_does_something() -> None:
    """The person chose it; with others, Escape and a letter is what was typed."""
    bound = frozenset({"alt+x", "alt+shift+y"})
    assert split("a\x1bxb\x1bYc", bound=bound) == ["a", AltKey("x"), "b", AltKey("Y"), "c"]
    assert split("\x1bX", bound=bound) == [EscapeKey(), "X"]
    assert (AltKey("x").name, AltKey("Y").name) == ("alt+x", "alt+shift+y")


def test_words_that_begin_like_a_sequence() -> None:
    """Capital O begins some keys, too."""
    assert split("\x1bO") == [EscapeKey(), "O"]
    assert split("\x1bO", "h") == [EscapeKey(), "Oh"]
    assert split("\x1bOk") == [EscapeKey(), "Ok"]
    assert split("\x1bPlease") == [EscapeKey(), "Please"]
