"""What a terminal sends, told apart: keys, and what is pasted, with whatever is in it."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Draft
from localqwq.locations import conversations_file
from localqwq.tui.keyboard.pastes import BEGIN, END, Pasted, Pastes, as_text
from localqwq.tui.keyboard.typed_ahead import TypedAhead
from tests.chatting import chat, served
from tests.pseudo_terminal import has_answer, program, stored_turns

RECORDED = b"\x1b[200~error: \x1b[31mfoo\rsecond line of the log\rthird line\r\x1b[201~x\r\x0e"
"""What tmux 3.3a sends for `paste-buffer -p` with a coloured log, and then x, Enter, Ctrl+N."""


def split(pieces: Iterable[bytes]) -> list[bytes | Pasted]:
    """What comes of these pieces; neighbouring keys are put together."""
    pastes = Pastes()
    return joined([*(one for piece in pieces for one in pastes.feed(piece)), *pastes.release()])


def joined(parts: Iterable[bytes | Pasted]) -> list[bytes | Pasted]:
    """These, with neighbouring keys put together."""
    found: list[bytes | Pasted] = []
    for part in parts:
        before = found[-1] if found else None
        if isinstance(part, bytes) and isinstance(before, bytes):
            found[-1] = before + part
        else:
            found.append(part)
    return found


@pytest.mark.parametrize("at", range(len(RECORDED)))
def test_a_recorded_paste(at: int) -> None:
    """It is whole and the keys behind it are keys, wherever the bytes are cut in two."""
    pasted = Pasted("error: \x1b[31mfoo\rsecond line of the log\rthird line\r")
    assert split([RECORDED[:at], RECORDED[at:]]) == [pasted, b"x\r\x0e"]


PARTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from([b"a", b"\x1b", b"[", b"2", b"\x1b[A", b"~"]), max_size=4),
        st.lists(st.sampled_from([b"b", b"\x1b", b"[201", b"~x", BEGIN, b"\x11"]), max_size=6),
    ),
    max_size=3,
)


@given(PARTS, st.sets(st.integers(0, 120)))
def test_any_bytes_in_any_pieces(
    parts: list[tuple[list[bytes], list[bytes]]], cuts: set[int]
) -> None:
    """Nothing is lost, and nothing of a paste is taken for keys."""
    sent, expected = b"", list[bytes | Pasted]()
    for keys, text in parts:
        typed, pasted = b"".join(keys), b"".join(text)
        if END in pasted or BEGIN in typed + BEGIN[:-1]:
            continue
        sent += typed + BEGIN + pasted + END
        expected += [typed] * bool(typed) + [Pasted(pasted.decode())] * bool(pasted)
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    assert split(sent[begin:end] for begin, end in pairwise(places)) == joined(expected)


def test_what_never_ends_is_given_back() -> None:
    """Escape is a key when nothing comes behind it, and half a paste is a paste."""
    pastes = Pastes()
    assert list(pastes.feed(b"\x1b")) == []
    assert pastes.is_waiting
    assert list(pastes.release()) == [b"\x1b"]
    assert list(pastes.feed(BEGIN + b"half")) == []
    assert pastes.is_pasting
    assert list(pastes.release()) == [Pasted("half")]
    assert list(pastes.feed(b"q")) == [b"q"]


@pytest.mark.parametrize(
    ("pasted", "text"),
    [
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("\x1b[1;31mred\x1b[0m and \x1b[38;2;1;2;3mmore\x1b[m", "red and more"),
        ("\x1b]8;;https://a.b\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;title", "␛]0;title"),
        ("a\x1b", "a␛"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x1b(Bplain", "plain"),
        ("zero\u200bwidth", "zero\u200bwidth"),
        ("bell\x07, quit\x11, tab\t.", "bell␇, quit␑, tab\t."),
    ],
)
def test_control_characters_are_dropped_or_shown(pasted: str, text: str) -> None:
    """Sequences for terminals go, single characters become signs."""
    assert as_text(pasted) == text


@given(st.text(alphabet=st.sampled_from("a\x1b[]31m;\x07\\\x9b\x9d\x90P\r\n\t\x00 "), max_size=40))
def test_no_pasted_character_controls_the_terminal(pasted: str) -> None:
    """Whatever is pasted."""
    assert all(letter.isprintable() or letter in "\n\t" for letter in as_text(pasted))


def test_enter_typed_ahead_is_enter() -> None:
    """The terminal made a line feed of it, as long as nobody had told it otherwise."""
    ahead = TypedAhead(cooked=6)
    assert ahead.keys(b"ab\nc") == b"ab\rc"
    assert ahead.keys(b"\n\n\n") == b"\r\r\n"
    assert ahead.keys(b"\n") == b"\n"


def typed() -> Draft:
    """What stands in the prompt of the last conversation, as it is stored."""
    with Store(conversations_file()) as store:
        last = store.last()
        return store.draft(last.id if last else None)


def test_typed_ahead_and_pasted_on_a_real_terminal(demo_server: str) -> None:
    """What is typed before the app is drawn is asked, a paste full of keys is text, and the
    terminal is as before in the end."""
    with program("chat", "--endpoint", demo_server + "/v1") as app:
        before = app.modes()
        app.write(b"\x0eWhat is 3 + 4?\r")
        app.until(has_answer)
        assert stored_turns()[0].text == "What is 3 + 4?"
        lines = "".join(f"\x1b[3{n % 8}mline {n}\x1b[0m\r\n" for n in range(30_000))
        app.write(BEGIN + f"{lines}\x11\r\x03".encode() + END)
        text = "".join(f"line {n}\n" for n in range(30_000)) + "␑\n␃"
        app.until(lambda: [one.text for one in typed().attachments] == [text])
        app.write(b"\x7f" + BEGIN + b"What is\x1b[1m 5 + 6?\x1b[m\x11" + END + b"\x7f\r")
        app.until(lambda: len(stored_turns()) == 4 and has_answer())
        asked = stored_turns()[2]
        assert (asked.text, asked.attachments) == ("What is 5 + 6?", ())
        app.write(b"\x11")
        app.until(app.has_ended)
        assert app.process.returncode == 0
        assert app.modes() == before


async def test_text_finds_the_prompt(demo_server: str, home: Path) -> None:
    """A paste does wherever the focus is, and letters do where they mean nothing else."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 1 + 1?")
        await app.pilot.press("f6")
        app.app.post_message(events.Paste("pasted \x1b[1mthere\x1b[m "))
        await app.until(lambda: app.prompt.text == "pasted there ")
        assert app.prompt.has_focus
        app.chat.set_focus(None)
        app.burst("typed")
        await app.until(lambda: app.prompt.text == "pasted there typed")
