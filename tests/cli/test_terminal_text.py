"""What the command line writes on a terminal, and what it writes anywhere else."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from tests.other_servers import Asked, Reply, listing, serving, streaming

EVIL = "\u202egnp.exe\u202c \x1b[2J\x9b2J pay\u200bpal \U000e0068\U000e0069"
SHOWN = "�gnp.exe� ␛[2J�2J pay�pal ��"
FAMILY = "👩\u200d👧"


def misleading(asked: Asked) -> Reply:
    """A model that hides things, in a thought and in an answer, and the pieces of an emoji."""
    if asked.line.startswith("GET"):
        return listing("m")
    pieces = ({"content": piece} for piece in ("Look: ", "👩", "\u200d", "👧", " ", EVIL))
    return streaming({"reasoning_content": f"Hm {EVIL}"}, *pieces)


async def on_terminal(*arguments: str) -> tuple[int, str]:
    """Exit code and output of `localqwq` on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "localqwq", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)

    def read() -> bytes:
        output = b""
        try:
            while piece := os.read(ours, 4096):
                output += piece
        except OSError:  # Linux says so when the other side is closed.
            pass
        return output

    output = await asyncio.to_thread(read)
    os.close(ours)
    return await process.wait(), output.decode()


async def test_a_terminal_shows_what_a_model_hides() -> None:
    """Signs in the answer and in the thought; our own sequences and emoji work."""
    async with serving(misleading) as server:
        code, output = await on_terminal("ask", "Hi", "--endpoint", server.url)
    assert code == 0
    assert f"\x1b[2mHm {SHOWN}" in output
    assert f"Look: {FAMILY} {SHOWN}" in output
    assert "\u202e" not in output


async def test_a_pipe_gets_what_the_model_said() -> None:
    """Character for character."""
    async with serving(misleading) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "localqwq", "ask", "Hi", "--endpoint", server.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
    assert output.decode() == f"Look: {FAMILY} {EVIL}\n"


@pytest.mark.parametrize("command", [("chat",), ("plan",), ("models", "add"), ("ask", "Hi", "-m")])
async def test_a_file_name_in_an_error_is_seen(command: tuple[str, ...], tmp_path: Path) -> None:
    """Though it turns itself round."""
    code, output = await on_terminal(*command, str(tmp_path / "m\u202effug.gguf"))
    assert code == 1
    assert "m�ffug.gguf" in output


async def test_the_usage_shows_what_was_typed() -> None:
    """The parser writes by itself."""
    code, output = await on_terminal("ask", "Hi", "--\u202eyrt\x1b]0;x\x07")
    assert code == 2
    assert "--�yrt␛]0;x␇" in output
