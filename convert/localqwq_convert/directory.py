"""What a folder is that should be a checkpoint, and what to name instead where it is none."""

from pathlib import Path

from localqwq.errors import LocalqwqError

ADAPTER = "adapter_config.json"
_MOST = 3
"""Folders that a sentence lists."""


def check_directory(directory: Path) -> None:
    """See that ``directory`` holds a checkpoint's configuration.

    Raises:
        LocalqwqError: it does not; the sentence says what is there.
    """
    if not directory.exists():
        raise LocalqwqError(f"{directory} does not exist: name the directory of a checkpoint.")
    if not directory.is_dir():
        raise LocalqwqError(
            f"{directory} is a file: name the directory that holds a checkpoint's config.json "
            "and safetensors files, or a .gguf file."
        )
    if (directory / ADAPTER).is_file() and not _is_whole(directory):
        raise LocalqwqError(
            f"{directory} is an adapter, which changes a model and is none by itself: merge it "
            f"into the model that it was trained on with `localqwq convert {directory} --merge "
            "BASE`."
        )
    if (directory / "config.json").is_file():
        return
    raise LocalqwqError(
        f"{directory} is not a checkpoint: it has no config.json. {_way_out(directory)}"
    )


def _is_whole(directory: Path) -> bool:
    """Whether a folder with an adapter's settings holds a model, too, as after a merge."""
    return (directory / "config.json").is_file() and any(directory.glob("model*.safetensors"))


def _way_out(directory: Path) -> str:
    for path in sorted(directory.glob("*.gguf")):
        return (
            f"It holds the GGUF file {path.name}: install that with `localqwq models add {path}`, "
            "or convert it by its name."
        )
    below = sorted(directory.glob("*/config.json")) or sorted(
        directory.glob("snapshots/*/config.json")
    )
    if below:
        names = ", ".join(str(path.parent) for path in below[:_MOST])
        return f"There are checkpoints in it: name one of them ({names})."
    return "Name the directory that holds config.json and the safetensors files."
