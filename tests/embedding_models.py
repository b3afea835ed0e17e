"""Makes small, real models that make embeddings."""

from pathlib import Path

from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint

POOLINGS = {"mean": 1, "cls": 2, "last": 3, "rank": 4}
"""llama.cpp's numbers."""


def make_embedding_model(
    folder: Path,
    *,
    architecture: str = "qwen3",
    pooling: str = "last",
    causal: bool = True,
    layers: int = 2,
) -> Path:
    """Write a model below ``folder`` that pools in this way, and return its file.

    Texts end with a token of their own, as those of Qwen3-Embedding do.
    """
    settings = [
        f"{architecture}.pooling_type=int:{POOLINGS[pooling]}",
        f"{architecture}.attention.causal=bool:{str(causal).lower()}",
        "tokenizer.ggml.add_eos_token=bool:true",
    ]
    checkpoint = make_checkpoint(folder / "checkpoint", architecture=architecture, layers=layers)
    convert(checkpoint, folder / "pack", ["F16"], name="embedding", settings=settings)
    return folder / "pack" / "embedding-F16.gguf"
