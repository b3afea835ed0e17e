"""What to install is said in the words of the system."""

from pathlib import Path

import pytest

from localqwq.installation.remedies import package_manager, remedy


@pytest.mark.parametrize(
    ("release", "manager"),
    [
        ("ID=debian\n", "apt"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "zypper"),
        ("ID=rocky\nID_LIKE='rhel centos fedora'\n", "dnf"),
        ("# nothing\nID=plan9\n", None),
        ("", None),
    ],
)
def test_package_manager(
    release: str, manager: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the name of the distribution or of what it is like."""
    monkeypatch.setattr("platform.system", lambda: "Linux")
    path = tmp_path / "os-release"
    path.write_text(release)
    assert package_manager(path) == manager
    assert package_manager(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("part", "version", "manager", "words"),
    [
        ("compiler", "", "apt", "apt install build-essential"),
        ("compiler", "", "brew", "xcode-select --install"),
        ("cublas", "13-0", "apt", "apt install libcublas-dev-13-0 (from NVIDIA's"),
        ("cublas", "13-0", None, "https://developer.nvidia.com/cuda-downloads"),
        ("glslc", "", "brew", "brew install shaderc"),
        ("compiler", "", None, "install it, then"),
        ("macos", "", "apt", "Metal exists on macOS only"),
        ("vulkan-headers", "1.3.239", "apt", "llama.cpp (1.3.239): get those of 1.3.275"),
        ("vulkan-headers", "", None, "CMAKE_ARGS=-DVulkan_INCLUDE_DIR=FOLDER/include before it."),
    ],
)
def test_remedies(part: str, version: str, manager: str | None, words: str) -> None:
    """One sentence that names the part and the way out."""
    assert words in remedy(part, version, manager)
    assert remedy(part, version, manager).endswith(".")
