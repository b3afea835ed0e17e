"""Runs a program as on a file system without locks: ``python tests/without_locks.py COMMAND …``.

What a network drive without a lock service answers, ``ENOLCK``, comes from seccomp here, for
the program and all that it starts.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_SECCOMP_MODE_FILTER = 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_RET
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _COMMAND = 0, 24  # offsets in struct seccomp_data: nr, and the lower half of args[1]
_CALLS = {"x86_64": (72, 73), "aarch64": (25, 32)}  # fcntl, flock
_SET_LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
AVAILABLE = sys.platform == "linux" and platform.machine() in _CALLS


def forbid_locks() -> None:
    """Have every lock fail from now on, in this process and all that it starts."""
    fcntl_call, flock_call = _CALLS[platform.machine()]
    refuse, allow = len(_SET_LOCKS) + 5, len(_SET_LOCKS) + 4  # the places of the last two
    steps = [
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, refuse - 2, 0, flock_call),
        (_EQUAL, 0, allow - 3, fcntl_call),
        (_LOAD, 0, 0, _COMMAND),
        *((_EQUAL, refuse - 5 - at, 0, command) for at, command in enumerate(_SET_LOCKS)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.ENOLCK),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    program = Program(len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, *values in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(option, *values):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    forbid_locks()
    os.execvp(sys.argv[1], sys.argv[1:])
