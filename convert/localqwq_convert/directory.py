"""What is in a folder that should be a checkpoint, and what to name instead if it is not."""

from pathlib import Path

from localqwq.errors import LocalqwqError

ADAPTER = "adapter_config.json"
_MOST = 3
"""Maximum number of folders listed in a message."""


def check_directory(directory: Path) -> None:
    """Check that ``directory`` has a checkpoint's configuration.

    Raises:
        LocalqwqError: it has none; the sentence says what is there.
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
            f"{directory} is an adapter, not a model by itself: merge it into the model that it "
            f"was trained on with `localqwq convert {directory} --merge BASE`."
        )
    if (directory / "config.json").is_file():
        return
    raise LocalqwqError(
        f"{directory} is not a checkpoint: it has no config.json. {_way_out(directory)}"
    )


def _is_whole(directory: Path) -> bool:
    """Return whether a folder with an adapter's settings also has a model, as after a merge."""
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
