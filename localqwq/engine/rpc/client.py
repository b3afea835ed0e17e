"""Other machines' devices, over ggml's RPC: asked whether they can be used, and connected to.

llama.cpp ends its process when a server cannot be reached, speaks another version of the protocol,
or is lost later on, and it waits for ever where the server serves somebody else. So each server is
first asked in a child process, ``python -m localqwq.engine.rpc.client``.
"""

import ctypes
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localqwq import children
from localqwq.engine.llama.library import binding, ggml_function
from localqwq.engine.rpc.silence import give_up_silent
from localqwq.errors import LocalqwqError
from localqwq.installation.origin import rebuild_command

PATIENCE_S = 5.0
"""Seconds in which a server must answer."""

_START_S = 60.0  # for the child's start, which takes time on a busy machine
_SILENT = 75  # an exit status that nothing else has

_ENDINGS = {
    "Failed to connect": (
        "cannot be reached: start it there with `python -m localqwq.engine.rpc`, or take it out "
        "of LOCALQWQ_RPC"
    ),
    "RPC handshake failed": (
        "speaks another version of the protocol: use the same llama.cpp on both machines"
    ),
    "Remote RPC server crashed": (
        "does not speak ggml's RPC, or not this version of it: start it there with "
        "`python -m localqwq.engine.rpc`"
    ),
}
"""What ggml says when it gives up a server, and what it means (``ggml-rpc.cpp``)."""
_ENDING = re.compile("|".join(map(re.escape, _ENDINGS)))


def has_rpc() -> bool:
    """Whether this llama.cpp was built with it."""
    return _registry() is not None


def check(address: str, patience: float = PATIENCE_S) -> str | None:
    """Why the server at ``HOST:PORT`` cannot be used, in a sentence; ``None``: it can."""
    try:
        child = children.run(
            children.command(children.Child.RPC_CHECK, address, str(patience)),
            timeout=_START_S + patience,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
        )
    except subprocess.TimeoutExpired:
        return _silence(address, patience)
    if child.returncode == 0:
        return None
    if child.returncode == _SILENT:
        return _silence(address, patience)
    said = child.stderr.decode(errors="replace")
    ending = _ENDING.search(said)
    if ending is not None:
        return f"The RPC server {address} {_ENDINGS[ending[0]]}."
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    why = lines[-1].rstrip(".") if lines else f"exit status {child.returncode}"
    return f"The RPC server {address} cannot be used: {why}."


def answering(addresses: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of the servers that can be used, and a sentence for each of the others."""
    if not addresses:
        return [], []
    if not has_rpc():
        return [], [_no_rpc()]
    with ThreadPoolExecutor(len(addresses)) as threads:
        problems = dict(zip(addresses, threads.map(check, addresses), strict=True))
    usable = [address for address, problem in problems.items() if problem is None]
    return usable, [problem for problem in problems.values() if problem is not None]


def connect(addresses: Sequence[str]) -> None:
    """Have the servers' devices among those that models are loaded on from now on.

    They come first, in this order, as ``RPC0``, ``RPC1`` …. One that is cut off later ends this
    process after ``SILENCE_S`` seconds. Raises :class:`LocalqwqError` where
    one of them cannot be used.
    """
    _, problems = answering(addresses)
    if problems:
        raise LocalqwqError(" ".join(problems))
    give_up_silent(addresses)
    add(addresses)


def add(addresses: Sequence[str]) -> None:
    """:func:`connect` without asking first: ends the process where a server cannot be reached."""
    if not addresses:
        return
    pointer = ctypes.c_void_p
    add_server = rpc_function("ggml_backend_rpc_add_server", pointer, ctypes.c_char_p)
    register = ggml_function("ggml_backend_register", None, pointer)
    for address in addresses:
        devices = add_server(address.encode())
        if devices is None:
            raise LocalqwqError(f"The RPC server {address} has no devices to lend.")
        register(devices)


def rpc_function(name: str, result: Any, *arguments: Any) -> Any:
    """A C function of ggml's RPC; :class:`LocalqwqError` where that was not built in."""
    registry = _registry()
    if registry is None:
        raise LocalqwqError(_no_rpc())
    pointer = ctypes.c_void_p
    find = ggml_function("ggml_backend_reg_get_proc_address", pointer, pointer, ctypes.c_char_p)
    return ctypes.CFUNCTYPE(result, *arguments)(find(registry, name.encode()))


def _no_rpc() -> str:
    return (
        "This llama.cpp was built without RPC, so no other machine can be used; compile it again: "
        f"{rebuild_command()}"
    )


def _registry() -> Any:
    """ggml's RPC; ``None`` where it was not built in."""
    by_name = ggml_function("ggml_backend_reg_by_name", ctypes.c_void_p, ctypes.c_char_p)
    return by_name(b"RPC")


def _silence(address: str, patience: float) -> str:
    return (
        f"The RPC server {address} did not answer within {patience:g} seconds: it serves one "
        "program at a time and may be taken, or the address is wrong."
    )


def _main(address: str, patience: str) -> int:
    """Ask a server, in this process."""
    binding()
    clock = threading.Timer(float(patience), os._exit, (_SILENT,))
    clock.daemon = True
    clock.start()
    try:
        add([address])
    except LocalqwqError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
