"""How a model is loaded to be measured, in the child processes."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from localqwq.engine.llama.chunk_context import ChunkContext
from localqwq.engine.llama.matrix_inputs import MatrixInputs
from localqwq.engine.llama.model import Model
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.rope import RopeScaling, rope_scaling
from localqwq.engine.rpc.client import connect
from localqwq.engine.states.key import state_key
from localqwq.gguf.facts import read_facts
from localqwq.quality.chunks import CHUNK


def load_model(path: Path, load: Mapping[str, object]) -> tuple[LoadOptions, Model]:
    """Return the options in a document, and the model loaded by them.

    Raises:
        LocalqwqError: it cannot be loaded.
    """
    options = TypeAdapter(LoadOptions).validate_python(load)
    connect(options.rpc)
    model = Model(
        path,
        options.gpu_layers,
        devices=options.devices,
        tensor_split=options.tensor_split,
        repack=options.repack,
        load_mode=options.load_mode,
    )
    return options, model


def chunk_context(
    model: Model,
    options: LoadOptions,
    *,
    outputs: int,
    parallel: int = 1,
    rope: RopeScaling | None = None,
    inputs: MatrixInputs | None = None,
) -> ChunkContext:
    """Return a context for chunks.

    ``outputs``: last tokens of each chunk whose logits are wanted; ``parallel``: chunks computed
    side by side; ``rope``: how positions are scaled, None for what a chunk needs; ``inputs``: an
    observer.

    Raises:
        LocalqwqError: memory is short.
    """
    return ChunkContext(
        model,
        length=CHUNK,
        parallel=parallel,
        outputs=outputs,
        rope=rope or rope_scaling(model.facts, CHUNK, options.rope),
        threads=options.threads or 1,
        kv_type=options.kv_type,
        flash=options.flash is not False,
        inputs=inputs,
    )


def model_key(path: Path, load: Mapping[str, object]) -> str:
    """Return a key that is equal in every run in which equal tokens give equal numbers.

    Raises:
        LocalqwqError: the model's file cannot be read.
    """
    options = TypeAdapter(LoadOptions).validate_python(load)
    return state_key(
        model=path,
        kv_type=options.kv_type,
        flash=bool(options.flash),
        rope=rope_scaling(read_facts(path), CHUNK, options.rope),
        llama_version=version("llama_cpp_python"),
    )
