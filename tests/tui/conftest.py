"""What the tests of the app share."""

import json
from pathlib import Path

import pytest

from localqwq_convert.pipeline import convert
from tests.checkpoints import (
    PLAIN_TOKENS,
    SPECIAL_TOKENS,
    make_checkpoint,
    random_tensors,
    tensor_shapes,
    write_safetensors,
)


@pytest.fixture(scope="session")
def rambler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never stops thinking: the rows of the tokens that end things are zero.

    So their logits are zero, behind the 40 best of random ones, and they are never sampled.
    """
    directory = tmp_path_factory.mktemp("rambler")
    checkpoint = make_checkpoint(directory / "checkpoint", layers=12, context=16_384)
    config = json.loads((checkpoint / "config.json").read_text())
    tensors = random_tensors(tensor_shapes(config), "BF16", seed=0)
    _, embedding = tensors["model.embed_tokens.weight"]
    embedding[256 : 256 + len(SPECIAL_TOKENS + PLAIN_TOKENS)] = 0
    write_safetensors(checkpoint / "model.safetensors", tensors)
    convert(checkpoint, directory / "pack", ["Q8_0"], name="rambler")
    return directory / "pack" / "rambler-Q8_0.gguf"
