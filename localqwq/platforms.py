"""The operating systems that localqwq runs on."""

import sys

SUPPORTED = "Linux and macOS; on Windows, through WSL"
"""The supported systems, for messages."""


def unsupported(platform: str = sys.platform) -> str:
    """Return a sentence about an unsupported system; empty for a supported one."""
    if platform in ("linux", "darwin"):
        return ""
    if platform in ("win32", "cygwin", "msys"):
        return (
            "localqwq does not run on Windows itself: install WSL (`wsl --install`) and run it "
            "there, where it uses your GPU, too."
        )
    return f"localqwq runs on {SUPPORTED}, and this is {platform}, where it has never been tried."
