"""Which systems localqwq runs on."""

import sys

SUPPORTED = "Linux and macOS; on Windows, through WSL"
"""For people."""


def unsupported(platform: str = sys.platform) -> str:
    """Return a sentence for a system that is not supported; empty for one that is."""
    if platform in ("linux", "darwin"):
        return ""
    if platform in ("win32", "cygwin", "msys"):
        return (
            "localqwq does not run on Windows itself: install WSL (`wsl --install`) and run it "
            "there, where it uses your GPU, too."
        )
    return f"localqwq runs on {SUPPORTED}, and this is {platform}: it has never been tried here."
