"""The C++ compiler for llama.cpp, and the flags that it needs."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping

# GCC before 11.5, 12.4 and 13.3 drops stores that llama.cpp's AMX kernels need (GCC's bug 114098),
# and these then end the process; on kernels with XFD so does a thread's first tile (llama.cpp's
# pull request 26954). They are left out.
NO_AMX = ("-mno-amx-tile", "-mno-amx-int8", "-mno-amx-bf16")


def find_compiler(environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """Return the command of the C++ compiler: ``CXX``, or the first common one; else ``None``."""
    chosen = shlex.split(environment.get("CXX", ""))
    path = environment.get("PATH")
    for command in (chosen, ["c++"], ["g++"], ["clang++"]):
        if command and shutil.which(command[0], path=path):
            return command
    return None


def compiler_flags(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return ``CFLAGS`` and ``CXXFLAGS`` if any are needed, starting with the user's own."""
    compiler = find_compiler(environment)
    if compiler is None or not _accepts(compiler, NO_AMX[0]):
        return {}
    added = " ".join(NO_AMX)
    return {
        name: f"{environment.get(name, '')} {added}".strip()
        if added not in environment.get(name, "")
        else environment[name]
        for name in ("CFLAGS", "CXXFLAGS")
    }


def _accepts(compiler: list[str], flag: str) -> bool:
    """Return whether the compiler supports ``flag``; compilers for other processors do not."""
    command = [*compiler, flag, "-E", "-x", "c++", os.devnull]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
