"""Lend this machine's devices to another one: ``python -m localqwq.engine.rpc``.

It runs ggml's own RPC server: with the GPUs that this llama.cpp was built for, or else the
processor. It serves one client at a time. The protocol has neither encryption nor authentication:
anyone who reaches the port can read, write and compute. It therefore listens only on this machine
by default, and is meant for trusted networks or an SSH tunnel.
"""

import argparse
import ctypes
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from localqwq.engine.llama.library import binding, ggml_function
from localqwq.engine.rpc.client import rpc_function
from localqwq.errors import LocalqwqError
from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import usable_cores
from localqwq.interruption import interrupted

ANNOUNCEMENT = "listening on "
"""Prefix of the only line on stdout; ``HOST:PORT`` follows."""

_CPU, _GPU, _IGPU = 0, 1, 2  # enum ggml_backend_dev_type


def serve(host: str, port: int, threads: int, cache: Path | None = None) -> None:
    """Serve until the process ends; ``host`` must have an IPv4 address.

    ``threads``: processor threads, if the processor computes; ``cache``: a directory for large
    tensors, so that a model need not be sent again. Raises :class:`LocalqwqError` if it cannot
    listen on the address.
    """
    function = _start_server()
    address = _free_address(host, port)
    if cache is not None:
        _make_directory(cache)
    # stdout has one line, and ggml's output goes to stderr.
    announcement = os.dup(1)
    os.dup2(2, 1)
    handles = _devices()
    devices = (ctypes.c_void_p * len(handles))(*handles)
    order = (
        address.encode(),
        os.fsencode(cache) if cache else None,
        threads,
        len(handles),
        devices,
    )
    server = threading.Thread(target=function, args=order, name="rpc", daemon=True)
    server.start()
    while not _accepts(address):
        if not server.is_alive():
            raise LocalqwqError(f"Cannot listen on {address}.")
        time.sleep(0.01)  # ggml does not report when it listens
    os.write(announcement, f"{ANNOUNCEMENT}{address}\n".encode())
    os.close(announcement)
    server.join()


def _start_server() -> Any:
    text, size, devices = ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p)
    return rpc_function("ggml_backend_rpc_start_server", None, text, text, size, size, devices)


def _devices() -> list[int]:
    """Return the GPUs, or else the processor."""
    pointer = ctypes.c_void_p
    count = ggml_function("ggml_backend_dev_count", ctypes.c_size_t)
    get = ggml_function("ggml_backend_dev_get", pointer, ctypes.c_size_t)
    kind = ggml_function("ggml_backend_dev_type", ctypes.c_int, pointer)
    found = [get(index) for index in range(count())]
    gpus = [device for device in found if kind(device) in (_GPU, _IGPU)]
    return gpus or [device for device in found if kind(device) == _CPU]


def _free_address(host: str, port: int) -> str:
    """Return the numeric address, with a free port for 0; ggml would not say why it cannot
    listen.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            number, port = listener.getsockname()
            return f"{number}:{port}"
    except OSError as error:
        raise LocalqwqError(
            f"Cannot listen on {host}:{port} ({error.strerror or error}): choose another --port, "
            "or an IPv4 address of this machine as --host."
        ) from None


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalqwqError(f"Cannot create the folder {path}: {error.strerror}.") from None


def _accepts(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True


def main() -> int:
    """Serve as the command line says; return 1 after one ``error:`` line if that fails."""
    arguments = _parser().parse_args()
    if not arguments.host.startswith("127."):
        print(
            f"Anyone who can reach {arguments.host} can use this machine's memory and processors: "
            "ggml's RPC has no password and no encryption.",
            file=sys.stderr,
        )
    try:
        binding()
        serve(arguments.host, arguments.port, arguments.threads, arguments.cache)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return interrupted()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localqwq.engine.rpc",
        description="Lend this machine's devices to another machine, which names HOST:PORT in "
        "LOCALQWQ_RPC. There is no password and no encryption: use it only in a "
        "network that you trust, or through an SSH tunnel.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="IPv4 address (default: this machine)")
    parser.add_argument("--port", type=int, default=50052, help="0 picks a free one")
    cores, _ = usable_cores(read_limits().cores)
    parser.add_argument("--threads", type=int, default=cores, metavar="N", help="of the processor")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder to cache large tensors in for the next load",
    )
    return parser
