"""Frames are made smaller, and the terminal shows the same."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from dataclasses import dataclass, field

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from localqwq.tui.terminal.repaint import Picture
from tests.other_servers import Asked, Reply, listing, serving, streaming

WIDTH, HEIGHT = 24, 10
GROUND = "38;2;200;200;200;48;2;20;20;20"
STYLES = (GROUND, "1;38;2;255;255;255;48;2;30;30;40", "38;2;190;205;245;48;2;30;30;40", "7;31", "")
PARTS = st.tuples(
    st.sampled_from(["word", "x", "=", "日本", "é", "   ", "─", "longer word", "😀"]),
    st.sampled_from(STYLES),
)
LINES = st.lists(PARTS, max_size=4)


def styled(text: str, style: str) -> str:
    """Text as Textual writes it."""
    return f"\x1b[{style}m{text}\x1b[0m" if style else text


@dataclass
class Drawn:
    """A screen as Textual has it: lines that scroll, a bar at their right, a line below."""

    lines: list[list[tuple[str, str]]]
    top: int = 0
    status: str = "ready"
    link: bool = False
    typed: str = ""
    bar: list[str] = field(default_factory=list)

    def line(self, y: int) -> list[str]:
        """The pieces of a line: two blanks, the text, the bar."""
        if y == HEIGHT - 1:
            return [styled(self.status.ljust(WIDTH)[:WIDTH], GROUND)]
        text, room = "", WIDTH - 3
        for part, style in self.lines[self.top + y] if self.top + y < len(self.lines) else []:
            if cell_len(part) <= room:
                text += styled(part, style)
                room -= cell_len(part)
        if self.link and text:
            text = f"\x1b]8;id=1;http://x\x1b\\{text}\x1b]8;;\x1b\\"
        bar = "7;38;2;60;60;60" if y * 3 // HEIGHT == self.top % 3 else GROUND
        return [styled("  ", GROUND), text + styled(" " * room, GROUND), styled(" ", bar)]

    def frame(self, rows: list[int]) -> str:
        """The lines, each piece of them at its place, and the cursor's."""
        output = []
        for y in rows:
            x = 1
            for piece in self.line(y):
                output.append(f"\x1b[{y + 1};{x}H{piece}")
                x += cell_len(re.sub(r"\x1b\[[\d;]*m|\x1b\]8;.*?\x1b\\", "", piece))
            output.append("\n")
        return f"{''.join(output[:-1])}\x1b[{HEIGHT};{len(self.typed) + 1}H"


class Terminal:
    """A terminal that somebody else has written."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self.screen)

    def write(self, data: str) -> None:
        """Obey it; links are nothing that this terminal knows."""
        self._stream.feed(re.sub(r"\x1b\]8;.*?\x1b\\", "", data))

    @property
    def shown(self) -> tuple[object, ...]:
        """Each cell with its style, and the cursor."""
        cells = [[self.screen.buffer[y][x] for x in range(WIDTH)] for y in range(HEIGHT)]
        return cells, self.screen.cursor.x, self.screen.cursor.y


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("scroll"), st.integers(-4, 6)),
        st.tuples(st.just("change"), st.integers(0, 30)),
        st.tuples(st.just("status"), st.integers(0, 1000)),
        st.tuples(st.just("part"), st.lists(st.integers(0, HEIGHT - 1), min_size=1, unique=True)),
        st.tuples(st.just("foreign"), st.just(0)),
        st.tuples(st.just("link"), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


@given(st.lists(LINES, min_size=12, max_size=30), STEPS)
def test_the_terminal_shows_the_same(
    lines: list[list[tuple[str, str]]], steps: list[tuple[str, object]]
) -> None:
    """After each frame, whatever moved and changed, and after other programs have written."""
    drawn, picture = Drawn(lines), Picture()
    plain, reduced = Terminal(), Terminal()
    everything = list(range(HEIGHT))
    for terminal in (plain, reduced):
        terminal.write(drawn.frame(everything))
    picture.reduced(drawn.frame(everything), WIDTH)
    for step, value in steps:
        rows = everything
        match step, value:
            case "scroll", int():
                drawn.top = max(0, min(drawn.top + value, len(lines) - 4))
            case "change", int():
                lines[value % len(lines)] = [("new", STYLES[value % 3]), ("日", GROUND)]
            case "status", int():
                drawn.status = f"{value} tokens"
                rows = [HEIGHT - 1]
            case "part", list():
                rows = sorted(value)
            case "foreign", _:
                reduced.write("\x1b[3;3Hmessage from root")
                picture.forget()
            case "link", _:
                drawn.link = not drawn.link
        frame = drawn.frame(rows)
        plain.write(frame)
        smaller = picture.reduced(frame, WIDTH)
        reduced.write(smaller)
        assert reduced.shown == plain.shown


def test_what_scrolls_is_moved_and_not_written_again() -> None:
    """A line that comes costs about that line."""
    drawn = Drawn([[(f"line {n} of the text", STYLES[2])] for n in range(40)])
    picture = Picture()
    whole = len(picture.reduced(drawn.frame(list(range(HEIGHT))), WIDTH))
    drawn.top = 1
    frame = drawn.frame(list(range(HEIGHT)))
    assert len(picture.reduced(frame, WIDTH)) < whole / 3
    assert picture.reduced(frame, WIDTH) == f"\x1b[{HEIGHT};1H"
    drawn.status = "ready!"
    assert len(picture.reduced(drawn.frame([HEIGHT - 1]), WIDTH)) < 60


def test_a_line_of_another_width_is_not_known() -> None:
    """What comes while a terminal changes its size is passed on."""
    drawn, picture = Drawn([[("a", "")]] * 12), Picture()
    picture.reduced(drawn.frame(list(range(HEIGHT))), WIDTH)
    part = f"\x1b[2;{WIDTH + 3}Hx\x1b[1;1H"
    assert picture.reduced(part, WIDTH + 10) == part
    assert "a" in picture.reduced(drawn.frame([1]), WIDTH)


@pytest.mark.parametrize(
    "data", ["\x1b[?1049h", "\x1b[2J\x1b[1;1H", "text", "\x1b[1;1Hx\x1b[5n\x1b[1;1H"]
)
def test_anything_else_is_passed_on(data: str) -> None:
    """And what the terminal shows then is not known any more."""
    drawn, picture = Drawn([[("a", "")]] * 12), Picture()
    frame = drawn.frame(list(range(HEIGHT)))
    first = picture.reduced(frame, WIDTH)
    assert picture.reduced(data, WIDTH) == data
    assert picture.reduced(frame, WIDTH) == first
    for harmless in ("\x1b[?2026h", "\x1b]52;c;eA==\x07", "\x07", ""):
        assert picture.reduced(harmless, WIDTH) == harmless
    assert picture.reduced(frame, WIDTH) != first


def code(asked: Asked) -> Reply:
    """A long block of code, line by line."""
    if asked.line.startswith("GET"):
        return listing("m")
    lines = [{"content": f"x{n} = f({n})  # line\n"} for n in range(300)]
    return streaming({"content": "```python\n"}, *lines, {"content": "```\n"})


async def test_the_real_app_scrolls_on_a_real_terminal() -> None:
    """Its last lines are there at the end, one below the other."""
    screen = pyte.Screen(80, 24)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.set_blocking(ours, False)
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # nothing there, or the other side is closed
            return
        # Of modes with a prefix only those with a question mark are known to it.
        stream.feed(re.sub(rb"\x1b\[[<>=][\d;]*[a-z]", b"", data))
        changed.set()

    async def until(words: str) -> None:
        while not any(words in line for line in screen.display):
            changed.clear()
            await changed.wait()

    async with serving(code) as server, asyncio.timeout(60):
        loop.add_reader(ours, read)
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "localqwq", "chat", "--endpoint", server.url),
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
        )  # fmt: skip
        os.close(theirs)
        await until("is ready")
        os.write(ours, b"Go")
        await until("Go")
        os.write(ours, b"\r")
        await until("x299 = f(299)")
        await asyncio.sleep(0.5)
        numbers = [
            int(n) for n in re.findall(r"x(\d+) = f\(\1\)  # line", "\n".join(screen.display))
        ]
        os.write(ours, b"\x11")
        await process.wait()
        loop.remove_reader(ours)
    os.close(ours)
    assert numbers == list(range(300 - len(numbers), 300))
    assert len(numbers) > 8
