"""Running Python code and shell commands, in the sandbox."""

import re
import shlex
from typing import Annotated

from pydantic import Field

from localqwq.agent.folders import Folders
from localqwq.agent.functions import function_tool
from localqwq.agent.sandbox.choosing import backend
from localqwq.agent.sandbox.job import EndedFor, Job, Limits, Ran
from localqwq.agent.sandbox.process import run
from localqwq.agent.sandbox.scratch import Interpreter, interpreter, sandbox_user, scratch_folder
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, Effect, ToolFailed, ToolTimedOut
from localqwq.errors import LocalqwqError

_SHELL = "/bin/sh"
_PLAIN = re.compile(r"[^;&|<>()$`\\\"'\n*?\[\]{}~#!]+")
_REASONS: dict[EndedFor, str] = {
    "time": "It took too long and was ended.",
    "memory": "It used too much memory and was ended.",
    "processes": "It started too many processes and was ended.",
    "output": "It wrote too much and was ended; this is the beginning.",
    "disk": "It wrote too much to its folder and was ended.",
    "stopped": "It was stopped.",
}


def run_code_tool(folders: Folders) -> AgentTool:
    """Return the tool that runs Python; raises :class:`LocalqwqError` without a sandbox."""
    backend()
    python = interpreter()
    if python is None:
        raise LocalqwqError("There is no Python that the sandbox can use: install python3.")

    def run_code(
        code: Annotated[str, Field(description="A Python program; print what you need.")],
        stop: Stop,
    ) -> str:
        return result_of(_run((*python.words, "-c", code), folders, stop, python))

    run_code.__doc__ = f"Run a Python program{_where(folders)}."
    return function_tool(
        run_code,
        effect=Effect.CHANGE,
        significant=lambda _: _rights(folders),
        in_words=lambda arguments: f"run this Python, {_words(folders)}:\n{arguments['code']}",
        long_results=True,
    )


def shell_tool(folders: Folders) -> AgentTool:
    """Return the tool that runs commands; raises :class:`LocalqwqError` without a sandbox."""
    backend()

    def shell(
        command: Annotated[str, Field(description="A command for /bin/sh.")], stop: Stop
    ) -> str:
        return result_of(_run((_SHELL, "-c", command), folders, stop, None))

    shell.__doc__ = f"Run a shell command{_where(folders)}."
    return function_tool(
        shell,
        effect=Effect.CHANGE,
        significant=lambda arguments: (program_of(arguments["command"]), *_rights(folders)),
        in_words=lambda arguments: f"run this command, {_words(folders)}:\n{arguments['command']}",
        long_results=True,
    )


def program_of(command: str) -> str:
    """Return the program of a plain command, or all of a command that may run others."""
    if not _PLAIN.fullmatch(command):
        return command
    words = shlex.split(command)
    return words[0] if words and "=" not in words[0] else command


def _run(words: tuple[str, ...], folders: Folders, stop: Stop, python: Interpreter | None) -> Ran:
    user = sandbox_user()
    read = [folder.path for folder in folders.all if not folder.writable]
    write = [folder.path for folder in folders.all if folder.writable]
    with scratch_folder(user) as scratch:
        own = python.folders if python is not None else ()
        folder = folders.all[0].path if folders.all else None
        job = Job(
            words,
            backend(),
            scratch,
            (*own, *read),
            tuple(write),
            limits=Limits(),
            user=user,
            folder=folder,
        )
        try:
            return run(job, stop)
        except OSError as error:
            raise ToolFailed(f"The program could not be started: {error.strerror}.") from None


def result_of(ran: Ran) -> str:
    """Return what the model gets of a program; raises :class:`ToolFailed` if it failed."""
    if ran.problem:
        raise ToolFailed(f"The sandbox could not be set up: {ran.problem}.")
    parts = [ran.output.rstrip("\n")]
    if ran.errors.strip():
        parts.append(f"stderr:\n{ran.errors.rstrip()}")
    if ran.ended_for:
        parts.append(_REASONS[ran.ended_for])
    elif ran.code:
        parts.append(f"exit code {ran.code}")
    text = "\n".join(part for part in parts if part) or "It wrote nothing."
    if ran.ended_for == "time":
        raise ToolTimedOut(text)
    if ran.ended_for or ran.code:
        raise ToolFailed(text)
    return text


def _where(folders: Folders) -> str:
    """Return what the model is told about the place, to follow what is run there."""
    place = f"in {folders.all[0].path}" if folders.all else "in an empty folder, nothing is kept"
    return f" {place}, without network"


def _rights(folders: Folders) -> tuple[str, ...]:
    return tuple(sorted(map(str, folders.all)))


def _words(folders: Folders) -> str:
    """Return what a program could use, for the person who is asked."""
    read = [str(folder.path) for folder in folders.all if not folder.writable]
    write = [str(folder.path) for folder in folders.all if folder.writable]
    rights = ["without network"]
    if read:
        rights.append(f"with {', '.join(read)} for reading")
    if write:
        rights.append(f"with {', '.join(write)} for reading and writing")
    if not folders.all:
        rights.append("without any of your files")
    return ", ".join(rights)
