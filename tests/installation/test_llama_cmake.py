"""What stops CMake before anything is compiled, by CMake itself."""

import shutil
import subprocess
from pathlib import Path

import pytest

from localqwq.installation import remedies
from localqwq.installation.build_log import BuildLog

INCLUDED = Path(remedies.__file__).with_name("llama.cmake")
PROJECT = "cmake_minimum_required(VERSION 3.19)\nproject(llama.cpp LANGUAGES NONE)\n"
CORE = """
#define VK_HEADER_VERSION {version}
#define VK_HEADER_VERSION_COMPLETE VK_MAKE_API_VERSION(0, 1, 3, VK_HEADER_VERSION)
"""


def configured(folder: Path, core: str) -> BuildLog:
    """The log of configuring a project for Vulkan with this ``vulkan_core.h``."""
    headers = folder / "include" / "vulkan"
    headers.mkdir(parents=True)
    (headers / "vulkan.h").write_text("")
    (headers / "vulkan_core.h").write_text(core)
    (folder / "CMakeLists.txt").write_text(PROJECT)
    (folder / "SPIRV-HeadersConfig.cmake").write_text("")
    given = {
        "CMAKE_PROJECT_llama.cpp_INCLUDE": INCLUDED,
        "GGML_VULKAN": "ON",
        "Vulkan_INCLUDE_DIR": headers.parent,
        "Vulkan_LIBRARY": folder / "libvulkan.so",
        "Vulkan_GLSLC_EXECUTABLE": folder / "glslc",
        "SPIRV-Headers_DIR": folder,
    }
    command = ["cmake", "-S", str(folder), "-B", str(folder / "build")]
    command += [f"-D{name}={value}" for name, value in given.items()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    log = BuildLog()
    for line in (done.stdout + done.stderr).splitlines():
        log.feed(line)
    assert (done.returncode == 0) == (log.missing is None), done.stderr
    return log


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")
def test_headers_of_vulkan_that_are_too_old(tmp_path: Path) -> None:
    """Debian 12's lack an extension that llama.cpp uses; that is said before the compiling."""
    old = CORE.format(version=239)
    log = configured(tmp_path / "old", old)
    assert log.missing in (("vulkan-headers", "1.3.239"), ("vulkan-headers", ""))
    new = CORE.format(version=309) + "#define VK_EXT_layer_settings 1\n"
    assert configured(tmp_path / "new", new).missing is None
