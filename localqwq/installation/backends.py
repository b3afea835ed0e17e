"""The backends that llama.cpp can be compiled for, and their CMake options."""

import platform
from pathlib import Path

from localqwq.errors import LocalqwqError

LLAMA = "llama-cpp-python"
OPTIONS = {
    "cpu": (),
    "cuda": ("-DGGML_CUDA=ON",),
    "metal": ("-DGGML_METAL=ON",),
    "vulkan": ("-DGGML_VULKAN=ON",),
}
"""Options that a backend adds to :data:`COMMON`."""

# Every build can share a model with other machines; llama.cpp's image models are never used.
COMMON = ("-DGGML_RPC=ON", "-DLLAVA_BUILD=OFF")

_BY_HAND = {"hip": "-DGGML_HIP=ON", "rocm": "-DGGML_HIP=ON", "sycl": "-DGGML_SYCL=ON"}
"""Backends that need their own compiler, which only the user can choose."""


def default_backend() -> str:
    """Return the backend that every machine of this platform has: ``metal`` on a Mac, else
    ``cpu``.
    """
    return "metal" if platform.system() == "Darwin" else "cpu"


def cmake_options(backend: str) -> tuple[str, ...]:
    """Return the CMake options that compile llama.cpp for ``backend``.

    Raises:
        LocalqwqError: the backend is unknown, or has to be configured by hand.
    """
    if backend in _BY_HAND:
        raise LocalqwqError(
            f"BACKEND={backend} needs a compiler that only you can choose: set it up as the build "
            f'page of llama.cpp says, then run CMAKE_ARGS="{_BY_HAND[backend]} …" make BACKEND=cpu.'
        )
    if backend not in OPTIONS:
        raise LocalqwqError(f"BACKEND={backend} is not known: use {', '.join(OPTIONS)}.")
    return (*COMMON, *OPTIONS[backend], _project_include())


def _project_include() -> str:
    """Return the option that makes CMake include our ``llama.cmake`` for llama.cpp."""
    path = Path(__file__).with_name("llama.cmake").resolve()
    option = f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={path}"
    # scikit-build-core splits CMAKE_ARGS like a shell.
    return f'"{option}"' if " " in option else option
