"""Who looks elsewhere is told that an answer is ready."""

import pytest

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile
from localqwq.tui.terminal.attention import BELL, LONG_SECONDS, Attention, sequence
from tests.pseudo_terminal import Program, has_answer, program, stored_turns

BLUR, FOCUS = b"\x1b[O", b"\x1b[I"
NOTIFIED = b"\x1b]9;localqwq: \xe2\x80\x9cWhat is 12 + 30?\xe2\x80\x9d has been answered.\x1b\\"


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "\x1b]9;localqwq: Done.\x1b\\"),
        ({"TERM": "xterm-kitty"}, "\x1b]9;localqwq: Done.\x1b\\"),
        ({"TERM": "foot"}, "\x1b]777;notify;localqwq;Done.\x1b\\"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "\x1b]777;notify;localqwq;Done.\x1b\\"),
        ({"TERM": "xterm-256color"}, "\x1b]9;localqwq: Done.\x1b\\\a"),
        (
            {"TERM": "tmux-256color", "TMUX": "/tmp/tmux,1,0"},
            "\x1bPtmux;\x1b\x1b]9;localqwq: Done.\x1b\x1b\\\x1b\\\a",
        ),
    ],
)
def test_terminals_are_told_in_their_own_way(environment: dict[str, str], sent: str) -> None:
    """And ring where nobody knows whether they show anything."""
    assert sequence("Done.", "notification", environment) == sent
    assert sequence("Done.", "bell", environment) == BELL
    assert sequence("Done.", "off", environment) == ""


def test_a_title_ends_no_sequence() -> None:
    """It may come from anywhere."""
    sent = sequence("a\x1b\\\x07\n\x9cb" * 99, "notification", {"TERM": "xterm-kitty"})
    assert sent.count("\x1b") == 2
    assert sent.endswith("\x1b\\")
    assert not {"\a", "\n", "\x9c"} & set(sent)
    assert len(sent) < 150


def test_who_looks_is_not_called() -> None:
    """Where the terminal does not say, long work is."""
    assert not Attention(True).is_wanted(1e9)
    assert Attention(False).is_wanted(0)
    assert not Attention().is_wanted(LONG_SECONDS - 1)
    assert Attention().is_wanted(LONG_SECONDS)


def ask(shown: Program) -> None:
    """Has a prompt answered."""
    turns = len(stored_turns())
    shown.write(b"What is 12 + 30?\r")
    shown.until(lambda: len(stored_turns()) == turns + 2 and has_answer())


def test_the_terminal_is_told_while_its_window_is_behind_others(demo_server: str) -> None:
    """And not while that is in front."""
    with program("chat", "--endpoint", demo_server) as shown:
        shown.until(lambda: b"2,048" in shown.drawn)
        shown.write(BLUR)
        notified = shown.shows_bytes(NOTIFIED)
        ask(shown)
        shown.until(notified)
        shown.write(FOCUS)
        ask(shown)
        shown.write(b"\x11")  # Ctrl+Q; what was to be told has been told then
        shown.until(shown.has_ended)
        assert shown.drawn.count(NOTIFIED) == 1


def test_the_settings_choose_the_way(demo_server: str) -> None:
    """A bell is enough for some."""
    SettingsFile(settings_file()).change("work.notify", "bell")
    with program("chat", "--endpoint", demo_server) as shown:
        shown.until(lambda: b"2,048" in shown.drawn)
        shown.write(BLUR)
        rings = shown.shows(BELL)
        ask(shown)
        shown.until(rings)
        assert NOTIFIED not in shown.drawn
