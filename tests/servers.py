"""Command lines of servers that tests start by themselves."""

import sys
from pathlib import Path

import psutil

from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch


def told(process: psutil.Process) -> Launch:
    """What a server's process was told to load."""
    [document] = [word for word in process.cmdline() if word.startswith("{")]
    return Launch.from_json(document)


def server_command(
    model: Path,
    *options: str,
    name: str = "",
    context: int = 2048,
    parallel: int = 4,
    longest: int | None = None,
) -> list[str]:
    """Serve ``model`` on one thread, since so small a model gains nothing by more."""
    load = LoadOptions(context=context, longest=longest, parallel=parallel, threads=1)
    launch = Launch(model, name or model.stem, load)
    return [sys.executable, "-m", "localqwq.server", launch.as_json(), *options]
