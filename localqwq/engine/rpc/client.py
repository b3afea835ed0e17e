"""Checking and connecting to other machines' devices over ggml's RPC.

llama.cpp ends its process when a server cannot be reached, speaks another protocol version, or is
lost later, and waits forever for a server that is busy with another client. Therefore each server
is first checked in a child process, ``python -m localqwq.engine.rpc.client``.
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
"""Seconds that a server has to respond."""

_START_S = 60.0  # for starting the child, which takes time on a busy machine
_SILENT = 75  # an exit status that nothing else uses

_ENDINGS = {
    "Failed to connect": (
        "cannot be reached: start it there with `python -m localqwq.engine.rpc`, or remove it "
        "from LOCALQWQ_RPC"
    ),
    "RPC handshake failed": (
        "speaks another version of the protocol: use the same llama.cpp on both machines"
    ),
    "Remote RPC server crashed": (
        "does not speak ggml's RPC, or not this version of it: start it there with "
        "`python -m localqwq.engine.rpc`"
    ),
}
"""ggml's messages when it gives up on a server, and their meaning (``ggml-rpc.cpp``)."""
_ENDING = re.compile("|".join(map(re.escape, _ENDINGS)))


def has_rpc() -> bool:
    """Return whether this llama.cpp was built with RPC."""
    return _registry() is not None


def check(address: str, patience: float = PATIENCE_S) -> str | None:
    """Return a sentence on why the server at ``HOST:PORT`` cannot be used; ``None`` if it can."""
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
    """Return the usable servers, and a sentence for each of the others."""
    if not addresses:
        return [], []
    if not has_rpc():
        return [], [_no_rpc()]
    with ThreadPoolExecutor(len(addresses)) as threads:
        problems = dict(zip(addresses, threads.map(check, addresses), strict=True))
    usable = [address for address, problem in problems.items() if problem is None]
    return usable, [problem for problem in problems.values() if problem is not None]


def connect(addresses: Sequence[str]) -> None:
    """Add the servers' devices to those that models are loaded on from now on.

    They come first, in this order, as ``RPC0``, ``RPC1`` …. If a server is cut off later, this
    process ends after ``SILENCE_S`` seconds. Raises :class:`LocalqwqError` if one of them cannot be
    used.
    """
    _, problems = answering(addresses)
    if problems:
        raise LocalqwqError(" ".join(problems))
    give_up_silent(addresses)
    add(addresses)


def add(addresses: Sequence[str]) -> None:
    """Connect without checking first: ends the process if a server cannot be reached."""
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
    """Return a C function of ggml's RPC; raises :class:`LocalqwqError` if RPC is not built in."""
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
    """Return ggml's RPC registry; ``None`` if RPC is not built in."""
    by_name = ggml_function("ggml_backend_reg_by_name", ctypes.c_void_p, ctypes.c_char_p)
    return by_name(b"RPC")


def _silence(address: str, patience: float) -> str:
    return (
        f"The RPC server {address} did not answer within {patience:g} seconds: it serves one "
        "program at a time and may be busy, or the address is wrong."
    )


def _main(address: str, patience: str) -> int:
    """Check a server, in this process."""
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
