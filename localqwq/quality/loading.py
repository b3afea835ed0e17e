"""How a model is loaded to be measured, in the child processes."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from localqwq.engine.llama.chunk_context import ChunkContext
from localqwq.engine.llama.matrix_inputs import MatrixInputs
from localqwq.engine.llama.model import Model
from localqwq.engine.llama.version import llama_version
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.rope import RopeScaling, rope_scaling
from localqwq.engine.states.key import state_key
from localqwq.gguf.facts import read_facts
from localqwq.quality.chunks import CHUNK


def load_options(load: Mapping[str, object]) -> LoadOptions:
    """Return the options in a document."""
    return TypeAdapter(LoadOptions).validate_python(load)


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
    options = load_options(load)
    return state_key(
        model=path,
        kv_type=options.kv_type,
        flash=bool(options.flash),
        rope=rope_scaling(read_facts(path), CHUNK, options.rope),
        llama_version=llama_version(),
    )
