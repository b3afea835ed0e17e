"""Progress of long work on stderr."""

import time

import pytest

from localqwq.cli.progress import ByteProgress, readable_duration

MIB = 1 << 20


class Clock:
    """A clock that goes forward when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that progress reads."""
    return Clock(monkeypatch)


def test_quick_work_is_quiet(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """What is done in a moment shows nothing."""
    with ByteProgress("adding x") as progress:
        progress(5, 10)
        clock.now += 0.1
        progress(10, 10)
    assert capsys.readouterr() == ("", "")


def test_plain_lines(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a line now and then, on stderr; the second file has its own speed."""
    with ByteProgress("adding x") as progress:
        clock.now += 2
        progress(50 * MIB, 100 * MIB)
        clock.now += 2
        progress(60 * MIB, 100 * MIB)
        clock.now += 10
        progress(1, 100 * MIB)
        clock.now += 10
        progress(10 * MIB, 100 * MIB)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "adding x   50%  50.0 MiB of 100 MiB  25.0 MiB/s  0:02 left",
        "adding x    0%  1 B of 100 MiB  0 B/s",
        "adding x   10%  10.0 MiB of 100 MiB  512 KiB/s  3:00 left",
    ]


def test_what_was_done_before_is_no_speed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Work that goes on after an interruption tells its own speed and the true rest."""
    with ByteProgress("converting x") as progress:
        progress(80 * MIB, 100 * MIB, 80 * MIB)
        clock.now += 5
        progress(90 * MIB, 100 * MIB, 80 * MIB)
    shown = capsys.readouterr().err
    assert shown == "converting x   90%  90.0 MiB of 100 MiB  2.0 MiB/s  0:05 left\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0:00"), (0.4, "0:00"), (59.6, "1:00"), (725, "12:05"), (3723, "1:02:03")],
)
def test_durations(seconds: float, text: str) -> None:
    """As clocks show them."""
    assert readable_duration(seconds) == text


def test_a_narrow_terminal(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is never longer than the terminal, and so never broken in two."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    with ByteProgress("adding x") as progress:
        clock.now += 1
        progress(25 * MIB, 100 * MIB)
    [line] = [part for part in capsys.readouterr().err.split("\r\x1b[K") if part]
    assert len(line) < 30


def test_bar(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal one line is drawn over, and cleared in the end."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    with ByteProgress("adding x") as progress:
        clock.now += 1
        progress(25 * MIB, 100 * MIB)
    shown = capsys.readouterr().err
    assert shown.startswith("\r\x1b[K" + "█" * 10 + "░" * 30 + "  adding x")
    assert shown.endswith("\r\x1b[K")
    assert "\n" not in shown
