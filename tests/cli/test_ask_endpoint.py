"""``localqwq ask --endpoint`` with servers that leave thoughts in the text."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence

from tests.other_servers import Asked, OtherServer, Reply, listing, serving, streaming


def saying(*pieces: str) -> Callable[[Asked], Reply]:
    """A server that streams these pieces of text."""

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m")
        return streaming(*({"content": piece} for piece in pieces))

    return reply


async def ask(server: OtherServer, *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    command: Sequence[str] = (sys.executable, "-m", "localqwq", "ask", "Well?", *options)
    pipe = asyncio.subprocess.PIPE
    ran = await asyncio.create_subprocess_exec(
        *command, "--endpoint", server.url, stdout=pipe, stderr=pipe
    )
    out, err = await ran.communicate()
    return ran.returncode or 0, out.decode(), err.decode()


async def test_a_thought_that_nothing_opened() -> None:
    """It goes to stderr although it came as the answer; the next time that is known."""
    async with serving(saying("Let me ", "see\n</think>", "\n\n42")) as server:
        assert await ask(server) == (0, "42\n", "Let me see\n\n")
        code, out, _ = await ask(server, "--json")
        assert (code, json.loads(out)["reasoning"], json.loads(out)["answer"]) == (
            0,
            "Let me see",
            "42",
        )
        assert (await ask(server, "--no-opens-thought"))[1] == "Let me see\n</think>\n\n42\n"


async def test_an_answer_that_was_taken_for_a_thought() -> None:
    """It is on stdout in the end, unless the command line says that it is the thought."""
    async with serving(saying("It is ", "42.")) as server:
        assert (await ask(server, "-m", "qwq"))[:2] == (0, "It is 42.\n")
        assert (await ask(server, "--opens-thought"))[:2] == (0, "")


async def test_an_odd_fence_swallows_nothing() -> None:
    """The answer is there, whatever the thought has left open."""
    async with serving(saying("<think>\nx: ```python\n1\n", "</think>\n\n", "42")) as server:
        assert (await ask(server))[:2] == (0, "42\n")


async def test_what_came_of_a_failed_answer() -> None:
    """It is written before the error, though it was held back."""

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m")
        status, kind, (piece, *_) = streaming({"content": "It is"})
        return status, kind, [piece, b"error: No memory.\n\n"]

    async with serving(reply) as server:
        assert await ask(server) == (1, "It is\n", "error: No memory.\n")


async def test_a_thought_behind_text() -> None:
    """The text was an answer: nothing of it is lost."""
    deltas = {"content": "So: "}, {"reasoning_content": "Hm"}, {"content": "42"}

    def reply(asked: Asked) -> Reply:
        return listing("m") if asked.line.endswith("/models") else streaming(*deltas)

    async with serving(reply) as server:
        assert await ask(server) == (0, "So: \n42\n", "Hm\n\n")
