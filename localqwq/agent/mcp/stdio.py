"""MCP's messages over stdin and stdout of a program in the sandbox."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from io import FileIO
from typing import TYPE_CHECKING

from localqwq import children
from localqwq.agent.mcp.flow import LARGEST, Flood, Flow
from localqwq.agent.sandbox.job import EndedFor, Job
from localqwq.agent.sandbox.process import command, told

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

    Received = SessionMessage | Exception
    Streams = tuple[MemoryObjectReceiveStream[Received], MemoryObjectSendStream[SessionMessage]]

_TAIL = 4_000
"""Bytes of stderr that are kept."""
_SAID = 300
"""Characters of it that a sentence has."""
_LEAVE_SECONDS = 1.0
"""Seconds that a program has to end by itself once its stdin is closed."""
_REASONS: dict[EndedFor, str] = {
    "memory": "It used too much memory and was ended.",
    "processes": "It started too many processes and was ended.",
    "disk": "It wrote too much to its folder and was ended.",
    "stopped": "It was stopped.",
}


class ProgramEnd:
    """How a program ended."""

    def __init__(self) -> None:
        self.has_ended = asyncio.Event()
        self.sentence = ""
        """Why, for a person; empty until it has ended."""
        self.is_by_itself = False
        """Whether nobody here had ended it."""


@asynccontextmanager
async def program_streams(job: Job, end: ProgramEnd) -> AsyncGenerator[Streams]:
    """Start the program and yield the streams of its messages; it ends with the block.

    Raises OSError if it cannot be started.
    """
    import anyio

    with ExitStack() as stack:
        report, status = (stack.enter_context(file) for file in _pipe())
        watched, lifeline = (stack.enter_context(file) for file in _pipe())
        process = await asyncio.create_subprocess_exec(
            *command(job, status.fileno(), watched.fileno()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(status.fileno(), watched.fileno()),
            process_group=children.OWN_GROUP,
            limit=LARGEST,
        )
        status.close()
        watched.close()
        received, reading = anyio.create_memory_object_stream["Received"](0)
        writing, sent = anyio.create_memory_object_stream["SessionMessage"](0)
        complaints, leaving = bytearray(), False

        async def read() -> None:
            flow = Flow()
            taken = [
                asyncio.create_task(_read(process, received, flow)),
                asyncio.create_task(_listen(process, complaints, flow)),
            ]
            try:
                await asyncio.gather(*taken)
            except (Flood, ValueError):  # asyncio's error for a line that does not end
                end.sentence = (
                    f"It sent more than {LARGEST // 1024 // 1024} MiB at once and was ended."
                )
                lifeline.close()
            await process.wait()
            end.is_by_itself = not leaving
            end.sentence = end.sentence or _sentence(report.read(), bytes(complaints))
            end.has_ended.set()
            received.close()
            for task in taken:
                task.cancel()

        tasks = [asyncio.create_task(read()), asyncio.create_task(_write(process, sent))]
        try:
            yield reading, writing
        finally:
            leaving = True
            await _leave(process, end.has_ended, lifeline.close)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (received, reading, writing, sent):
                stream.close()


def _pipe() -> tuple[FileIO, FileIO]:
    reading, writing = os.pipe()
    return FileIO(reading, "r"), FileIO(writing, "w")


async def _read(
    process: asyncio.subprocess.Process, received: MemoryObjectSendStream[Received], flow: Flow
) -> None:
    """Pass on messages until there are no more. Raises ValueError or Flood if there are too many.

    They are read even if nobody wants them, as the program could not end otherwise.
    """
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    assert process.stdout is not None
    is_wanted = True
    while line := await process.stdout.readline():
        flow.take(len(line))
        if not line.strip() or not is_wanted:
            continue
        try:
            message: Received = SessionMessage(
                jsonrpc_message_adapter.validate_json(line, by_name=False)
            )
        except ValueError as error:
            message = error
        try:
            await received.send(message)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            is_wanted = False


async def _write(
    process: asyncio.subprocess.Process, sent: MemoryObjectReceiveStream[SessionMessage]
) -> None:
    assert process.stdin is not None
    async for one in sent:
        text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
        process.stdin.write(text.encode() + b"\n")
        with suppress(ConnectionError):  # its end is noticed by whoever reads
            await process.stdin.drain()


async def _listen(process: asyncio.subprocess.Process, complaints: bytearray, flow: Flow) -> None:
    """Keep the last of what it writes to stderr. Raises Flood if it is too much."""
    assert process.stderr is not None
    while piece := await process.stderr.read(1 << 16):
        flow.take(len(piece))
        complaints += piece
        del complaints[:-_TAIL]


async def _leave(
    process: asyncio.subprocess.Process, has_ended: asyncio.Event, insist: Callable[[], None]
) -> None:
    """End the program: it may do so by itself for a moment."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(has_ended.wait(), _LEAVE_SECONDS)
    except TimeoutError:
        pass
    finally:
        insist()
    await has_ended.wait()


def _sentence(report: bytes, complaints: bytes) -> str:
    """Return why a program ended."""
    code, reason, problem = told(report)
    if problem:
        return f"The sandbox could not start it: {problem}."
    if reason:
        return _REASONS.get(reason, "It was ended.")
    said = complaint(complaints.decode("utf-8", "replace"))
    return f"It ended with exit code {code}{f': {said}' if said else '.'}"


def complaint(text: str) -> str:
    """Return the line of a program's stderr that says why it ended.

    That is the last one, except after Node's stack, which follows its error.
    """
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if lines and lines[-1].startswith("Node.js v"):
        lines = [line for line in lines if "Error" in line] or lines
    return lines[-1][:_SAID] if lines else ""
