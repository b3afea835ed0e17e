"""How to install missing parts of the build, on this system."""

import platform
from collections.abc import Mapping
from pathlib import Path

OS_RELEASE = Path("/etc/os-release")

_MANAGERS = {
    "debian": "apt", "ubuntu": "apt", "fedora": "dnf", "rhel": "dnf", "centos": "dnf",
    "arch": "pacman", "suse": "zypper", "opensuse": "zypper", "alpine": "apk",
}  # fmt: skip
_INSTALL = {
    "apt": "apt install", "dnf": "dnf install", "pacman": "pacman -S", "zypper": "zypper install",
    "apk": "apk add", "brew": "brew install",
}  # fmt: skip

_WHAT = {
    "compiler": "a C++ compiler",
    "nvcc": "NVIDIA's CUDA compiler (nvcc)",
    "cublas": "cuBLAS (part of NVIDIA's CUDA toolkit)",
    "cudart": "the CUDA runtime (part of NVIDIA's CUDA toolkit)",
    "libcuda": "libcuda (part of NVIDIA's driver, with a stub in the toolkit)",
    "vulkan": "Vulkan's headers and loader",
    "glslc": "glslc, Vulkan's shader compiler",
    "spirv-headers": "the SPIR-V headers",
}
_PACKAGES: Mapping[str, Mapping[str, str]] = {
    "compiler": {
        "apt": "build-essential", "dnf": "gcc-c++ make", "pacman": "base-devel",
        "zypper": "gcc-c++ make", "apk": "build-base",
    },
    "nvcc": {"apt": "nvidia-cuda-toolkit", "dnf": "cuda-toolkit", "pacman": "cuda"},
    "cublas": {"apt": "libcublas-dev-{}", "dnf": "libcublas-devel-{}", "pacman": "cuda"},
    "cudart": {"apt": "cuda-cudart-dev-{}", "dnf": "cuda-cudart-devel-{}", "pacman": "cuda"},
    "libcuda": {
        "apt": "cuda-driver-dev-{}", "dnf": "cuda-driver-devel-{}", "pacman": "nvidia-utils",
    },
    "vulkan": {
        "apt": "libvulkan-dev", "dnf": "vulkan-headers vulkan-loader-devel",
        "pacman": "vulkan-headers vulkan-icd-loader", "zypper": "vulkan-devel",
        "apk": "vulkan-headers vulkan-loader-dev", "brew": "vulkan-headers vulkan-loader",
    },
    "glslc": {
        "apt": "glslc", "dnf": "glslc", "pacman": "shaderc", "zypper": "shaderc",
        "apk": "shaderc", "brew": "shaderc",
    },
    "spirv-headers": {
        "apt": "spirv-headers", "dnf": "spirv-headers-devel", "pacman": "spirv-headers",
        "zypper": "spirv-headers", "apk": "spirv-headers", "brew": "spirv-headers",
    },
}  # fmt: skip
"""Package names; ``{}`` is the toolkit's version, such as ``13-0``."""

_FROM_NVIDIA = frozenset({"cublas", "cudart", "libcuda"})
_CUDA = _FROM_NVIDIA | {"nvcc"}


def package_manager(release: Path = OS_RELEASE) -> str | None:
    """Return this system's package manager, ``None`` if it is unknown."""
    if platform.system() == "Darwin":
        return "brew"
    fields = dict(_fields(release))
    names = [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
    found = (_MANAGERS.get(name.split("-")[0]) for name in names)
    return next((manager for manager in found if manager), None)


def _fields(release: Path) -> list[tuple[str, str]]:
    try:
        lines = release.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    pairs = (line.partition("=") for line in lines if "=" in line)
    return [(name.strip(), value.strip().strip("\"'")) for name, _, value in pairs]


def remedy(part: str, version: str = "", manager: str | None = None) -> str:
    """Return one sentence that names the missing or outdated ``part`` and how to get it.

    Args:
        part: a part of the build, such as ``cublas``.
        version: of the toolkit as in package names, such as ``13-0``, or of headers too old.
        manager: the result of :func:`package_manager`.
    """
    if part == "macos":
        return "Metal exists on macOS only: leave BACKEND out, or use cpu, cuda or vulkan."
    if part == "vulkan-headers":
        found = f" ({version})" if version else ""
        return (
            f"Vulkan's headers are too old for llama.cpp{found}: get those of 1.3.275 or newer "
            "from https://github.com/KhronosGroup/Vulkan-Headers, then run the same command with "
            "CMAKE_ARGS=-DVulkan_INCLUDE_DIR=FOLDER/include before it."
        )
    missing = f"{_WHAT.get(part, part)} could not be found"
    if part == "compiler" and manager == "brew":
        return f"{missing}: run xcode-select --install."
    packages = _PACKAGES.get(part, {}).get(manager or "", "").format(version)
    if not packages or manager is None:
        source = " (https://developer.nvidia.com/cuda-downloads)" if part in _CUDA else ""
        return f"{missing}: install it{source}, then run the same command again."
    theirs = part in _FROM_NVIDIA and manager != "pacman"
    where = " (from NVIDIA's package repository)" if theirs else ""
    return f"{missing}: {_INSTALL[manager]} {packages}{where}, then run the same command again."
