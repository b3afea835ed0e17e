"""What ``ask`` asks: its arguments, stdin, and the files that the arguments name."""

import asyncio
import sys
from pathlib import Path

from tests.other_servers import Asked, OtherServer, Reply, listing, serving, streaming

QUESTION = "How many words?"


def reply(asked: Asked) -> Reply:
    """Answers anything."""
    return listing("m") if asked.line.endswith("/models") else streaming({"content": "two"})


async def ask(server: OtherServer, *words: str, stdin: str | None = None) -> tuple[int, str]:
    """Exit code and stderr; `stdin`: what is piped in, None for nothing at all."""
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localqwq", "ask", *words, "--endpoint", server.url),
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await ran.communicate(None if stdin is None else stdin.encode())
    return ran.returncode or 0, err.decode()


def prompts(server: OtherServer) -> list[str]:
    """The prompts that came."""
    return [body["messages"][-1]["content"] for body in server.chats]


async def test_stdin_is_put_before_the_question() -> None:
    """In a fence, as an attachment is; nothing is added where there is none."""
    async with serving(reply) as server:
        await ask(server, QUESTION, stdin="one two")
        await ask(server, *QUESTION.split(), stdin=" \n")
        await ask(server, QUESTION)
        await ask(server, stdin=QUESTION)
    assert prompts(server) == [f"```\none two\n```\n\n{QUESTION}", *[QUESTION] * 3]


async def test_stdin_that_stays_open() -> None:
    """Who waits is told what for."""
    async with serving(reply) as server:
        ran = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "localqwq", "ask", QUESTION, "--endpoint", server.url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert ran.stderr is not None
        assert "stdin" in (await ran.stderr.readline()).decode()
        await ran.communicate(b"")
        assert ran.returncode == 0


async def test_files_that_the_question_names(tmp_path: Path) -> None:
    """They are attached as in the app; one that is not there is named."""
    file = tmp_path / "numbers.csv"
    file.write_text("a,b\n1,2\n")
    async with serving(reply) as server:
        assert (await ask(server, "Sum up", f"@{file}", stdin="first"))[0] == 0
        code, said = await ask(server, "Sum up @nosuch.csv")
    [prompt] = prompts(server)
    assert prompt == (f"```\nfirst\n```\n\nnumbers.csv:\n\n```\na,b\n1,2\n```\n\nSum up @{file}")
    assert code == 1
    assert "There is no file nosuch.csv" in said


async def test_an_at_sign_on_stdin() -> None:
    """It names nothing there."""
    async with serving(reply) as server:
        assert (await ask(server, stdin="Sum up @nosuch.csv"))[0] == 0
    assert prompts(server) == ["Sum up @nosuch.csv"]
