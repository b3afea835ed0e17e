"""RPC servers on this machine: devices with memory of their own, as real as others' cards."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class RpcServer:
    """A server process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.address = process.stdout.readline().removeprefix("listening on ").strip()


@contextmanager
def rpc_server(*arguments: str) -> Iterator[RpcServer]:
    """A server on a free port; nothing of it is left in the end."""
    command = [sys.executable, "-m", "localqwq.engine.rpc", "--port", "0", "--threads", "1"]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen([*command, *arguments], stdout=pipe, stderr=nowhere, text=True) as child:
        try:
            yield RpcServer(child)
        finally:
            child.kill()
