"""Loading a model as its options say, for the engine and for those who measure."""

from collections.abc import Callable
from pathlib import Path

from localqwq.engine.llama.model import Model
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.rpc.client import connect


def load_model(
    path: Path, options: LoadOptions, on_progress: Callable[[float], None] | None = None
) -> Model:
    """Return the loaded model, on other machines too if the options name some.

    ``on_progress`` is called with the fraction of the weights loaded; an exception raised there
    ends the load and is raised here. Raises ``LocalqwqError`` if it cannot be loaded.
    """
    connect(options.rpc)
    return Model(
        path,
        options.gpu_layers,
        on_progress,
        devices=options.devices,
        tensor_split=options.tensor_split,
        repack=options.repack,
        load_mode=options.load_mode,
        chat_template=options.chat_template,
    )
