"""Landlock: the kernel's limits on what a process may do with files; Linux, without privileges."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

LEAST_ABI = 3
"""The first version that covers truncation (Linux 6.2)."""
SCOPES_ABI = 6
"""The first version that keeps signals inside (Linux 6.12)."""

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _MAKE_FIFO, _MAKE_SYM = 1 << 7, 1 << 8, 1 << 10, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = (
    READ
    | _WRITE_FILE
    | _TRUNCATE
    | _REMOVE_DIR
    | _REMOVE_FILE
    | _MAKE_DIR
    | _MAKE_REG
    | _MAKE_FIFO
    | _MAKE_SYM
    | _REFER
)
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_ALL_FILES = (1 << 15) - 1
_ALL_NET = 0b11
_ALL_SCOPES = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Return the kernel's version of Landlock; 0 if it has none, or it is turned off."""
    try:
        return max(0, int(_library().syscall(_CREATE, None, 0, _ASK_VERSION)))
    except (OSError, AttributeError):
        return 0


def restrict(
    read: Iterable[Path], write: Iterable[Path], devices: Iterable[Path], *, network: bool = False
) -> None:
    """Limit this process and all that it starts to these folders and files, for good.

    What does not exist is left out. ``devices`` may be read and written. ``network``: whether ports
    may be used. Raises OSError.
    """
    library, found = _library(), version()
    if found < LEAST_ABI:
        raise OSError(0, "this kernel's Landlock is missing or too old")
    asked = _Ruleset(
        _ALL_FILES | (_IOCTL_DEV if found >= 5 else 0),
        _ALL_NET if found >= 4 and not network else 0,
        _ALL_SCOPES if found >= SCOPES_ABI else 0,
    )
    size = 24 if found >= SCOPES_ABI else 16 if found >= 4 else 8
    ruleset = _checked(library.syscall(_CREATE, ctypes.byref(asked), size, 0))
    try:
        for paths, rights in ((read, READ), (write, WRITE), (devices, _WRITE_FILE | _READ_FILE)):
            for path in paths:
                _allow(library, ruleset, path, rights)
        _checked(library.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(library.syscall(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(library: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if path.is_dir() else rights & _OF_FILES
        rule = _Beneath(allowed, folder)
        _checked(library.syscall(_ADD, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(folder)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
