"""Keys and their order are those of llama.cpp's converter."""

from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq_convert.metadata import read_license, size_label
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint, write_json

MODEL_KEYS = [
    "general.architecture", "general.type", "general.sampling.top_k", "general.sampling.top_p",
    "general.sampling.temp", "general.sampling.penalty_repeat", "general.name",
    "general.size_label", "qwen2.block_count", "qwen2.context_length", "qwen2.embedding_length",
    "qwen2.feed_forward_length", "qwen2.attention.head_count", "qwen2.attention.head_count_kv",
    "qwen2.rope.freq_base", "qwen2.attention.layer_norm_rms_epsilon",
]  # fmt: skip
TOKENIZER_KEYS = [
    "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.padding_token_id", "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.add_bos_token", "tokenizer.chat_template",
]  # fmt: skip
FILE_TYPE, VERSION = "general.file_type", "general.quantization_version"


def test_order_of_keys(tmp_path: Path) -> None:
    """The converter's order, and the quantizer's where that makes the file."""
    convert(make_checkpoint(tmp_path / "small"), tmp_path, ["BF16", "Q4_K_M"])
    plain = read_header(tmp_path / "small-BF16.gguf", arrays=True).metadata
    assert list(plain) == [*MODEL_KEYS, FILE_TYPE, VERSION, *TOKENIZER_KEYS]
    quantized = read_header(tmp_path / "small-Q4_K_M.gguf", arrays=True).metadata
    assert list(quantized) == [*MODEL_KEYS, *TOKENIZER_KEYS, VERSION, FILE_TYPE]
    assert (plain[FILE_TYPE], quantized[FILE_TYPE], quantized[VERSION]) == (32, 15, 2)
    assert plain["general.size_label"] == "1.3M"


def test_yarn_and_head_lengths(tmp_path: Path) -> None:
    """What only some models have goes where the converter puts it."""
    extra = {
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512},
        "head_dim": 64,
    }
    convert(make_checkpoint(tmp_path / "long", config=extra), tmp_path, ["Q8_0"])
    metadata = read_header(tmp_path / "long-Q8_0.gguf").metadata
    keys = [key.removeprefix("qwen2.") for key in metadata if key.startswith("qwen2.")]
    assert keys[6:] == [
        "rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length",
        "rope.freq_base", "attention.layer_norm_rms_epsilon",
        "attention.key_length", "attention.value_length",
    ]  # fmt: skip
    assert metadata["qwen2.rope.scaling.type"] == "yarn"
    assert metadata["qwen2.context_length"] == 2048


@pytest.mark.parametrize("value", ["hot", True, float("nan"), 1e300])
def test_sampling_that_makes_no_sense(tmp_path: Path, value: object) -> None:
    """A value that is no number is named."""
    checkpoint = make_checkpoint(tmp_path / "small")
    write_json(checkpoint / "generation_config.json", {"temperature": value})
    with pytest.raises(LocalqwqError, match="a temperature of"):
        convert(checkpoint, tmp_path, ["Q8_0"], dry_run=True)


def test_the_license_comes_from_the_model_card(tmp_path: Path) -> None:
    """Only the front matter of README.md counts."""
    assert read_license(tmp_path) is None
    card = tmp_path / "README.md"
    card.write_text("---\nlanguage:\n- en\nlicense: apache-2.0\n---\n# Model\n")
    assert read_license(tmp_path) == "apache-2.0"
    card.write_text("# Model\nlicense: mit\n")
    assert read_license(tmp_path) is None


@pytest.mark.parametrize(
    ("parameters", "label"),
    [(32_763_876_352, "33B"), (3_301_888, "3.3M"), (570_000, "570K"), (1_500_000_000_000, "1.5T")],
)
def test_size_labels(parameters: int, label: str) -> None:
    """Two digits or more, as llama.cpp's converter writes them."""
    assert size_label(parameters) == label
