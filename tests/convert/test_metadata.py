"""Keys and their order are those of llama.cpp's converter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.header import Entry
from localqwq_convert.metadata import closing_metadata, model_metadata, size_label
from localqwq_convert.model import read_model
from localqwq_convert.rope import RopeChoice
from localqwq_convert.sampling import read_sampling
from tests.checkpoints import LLAMA3_SCALING, YARN_SCALING, make_checkpoint, write_json
from tests.sparse import QWQ

GENERAL = [
    "general.architecture", "general.type", "general.sampling.top_k", "general.sampling.top_p",
    "general.sampling.temp", "general.sampling.penalty_repeat", "general.name",
    "general.size_label",
]  # fmt: skip
SHAPE = [
    "block_count", "context_length", "embedding_length", "feed_forward_length",
    "attention.head_count", "attention.head_count_kv",
]  # fmt: skip
NUMBERS = ["rope.freq_base", "attention.layer_norm_rms_epsilon"]
HEAD = ["attention.key_length", "attention.value_length"]
LLAMA = ["vocab_size", "rope.dimension_count"]
YARN = ["rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length"]
FILE_TYPE, VERSION = "general.file_type", "general.quantization_version"


def entries(
    directory: Path,
    quantization: str = "BF16",
    *,
    rope: RopeChoice = "yarn",
    quantized_by: str | None = None,
    **checkpoint: Any,
) -> dict[str, Entry]:
    """The metadata that a small checkpoint gets, up to the tokenizer."""
    with open_checkpoint(make_checkpoint(directory, layers=1, hidden=64, **checkpoint)) as opened:
        model = read_model(opened, "small", rope)
    found = model_metadata(model, quantization, quantized_by)
    assert len({entry.key for entry in found}) == len(found)
    return {entry.key: entry for entry in found}


def values(found: Mapping[str, Entry]) -> dict[str, object]:
    """Values by key."""
    return {key: entry.value for key, entry in found.items()}


def named(architecture: str, *keys: str) -> list[str]:
    """Keys of an architecture."""
    return [f"{architecture}.{key}" for key in keys]


@pytest.mark.parametrize(
    ("architecture", "config", "before", "after"),
    [
        ("qwen2", {}, [], []),
        ("qwen2", {"head_dim": 16}, HEAD, []),
        ("qwen3", {}, HEAD, []),
        ("llama", {}, HEAD, LLAMA),
    ],
)
def test_order_of_keys(
    tmp_path: Path, architecture: str, config: dict[str, Any], before: list[str], after: list[str]
) -> None:
    """The file's type stands between those that all models have and those of Llama."""
    found = entries(tmp_path, architecture=architecture, config=config)
    assert list(found) == [
        *GENERAL,
        *named(architecture, *SHAPE, *NUMBERS, *before),
        FILE_TYPE,
        *named(architecture, *after),
        VERSION,
    ]
    assert (found[FILE_TYPE].value, found[VERSION].value) == (32, 2)


def test_llama_cpps_quantizer_moves_two_keys_to_the_end(tmp_path: Path) -> None:
    """In the files that it makes, so in ours of the same quantization."""
    found = entries(tmp_path, "Q4_K_M", architecture="llama")
    assert not {FILE_TYPE, VERSION} & set(found)
    closing = [(entry.key, entry.value) for entry in closing_metadata("Q4_K_M")]
    assert closing == [(VERSION, 2), (FILE_TYPE, 15)]
    assert closing_metadata("F16") == []


@pytest.mark.parametrize("architecture", ["qwen2", "llama", "qwen3"])
def test_yarn(tmp_path: Path, architecture: str) -> None:
    """Its keys stand before the base of the rotation; the context is the scaled one."""
    config = {"rope_scaling": YARN_SCALING}
    found = entries(tmp_path, architecture=architecture, context=64, config=config)
    keys = [key for key in found if key.startswith(architecture)]
    assert keys[:11] == named(architecture, *SHAPE, *YARN, *NUMBERS)
    assert [found[key].value for key in named(architecture, *YARN)] == ["yarn", 4.0, 64]
    assert found[f"{architecture}.context_length"].value == 256


@pytest.mark.parametrize("architecture", ["qwen2", "llama", "qwen3"])
def test_native(tmp_path: Path, architecture: str) -> None:
    """Nothing of the scaling is left."""
    config = {"rope_scaling": YARN_SCALING}
    scaled = entries(
        tmp_path / "scaled", rope="native", architecture=architecture, context=64, config=config
    )
    plain = entries(tmp_path / "plain", architecture=architecture, context=64)
    assert values(scaled) == values(plain)


def test_llama_31_scaling_is_no_metadata(tmp_path: Path) -> None:
    """It is a tensor; the keys are those without scaling."""
    scaled = entries(tmp_path / "a", architecture="llama", config={"rope_scaling": LLAMA3_SCALING})
    plain = entries(tmp_path / "b", architecture="llama")
    assert values(scaled) == values(plain)


def test_what_a_model_card_adds(tmp_path: Path) -> None:
    """License, origins, tags and languages, in the converter's order."""
    (tmp_path / "README.md").write_text(
        "---\nlicense: other\nlicense_name: llama3.1\nlicense_link: LICENSE\nlanguage: [en, zh]\n"
        "base_model: mistralai/Mistral-7B-v0.1\ndatasets:\n- allenai/c4\n"
        "tags:\n- chat\npipeline_tag: text-generation\n---\n"
    )
    found = values(entries(tmp_path, quantized_by="me"))
    keys = list(found)
    label = keys.index("general.size_label")
    assert (keys[label - 1], found["general.quantized_by"]) == ("general.quantized_by", "me")
    added = keys[label + 1 : keys.index("qwen2.block_count")]
    expected = {
        "license": "other",
        "license.name": "llama3.1",
        "license.link": "LICENSE",
        "base_model.count": 1,
        "base_model.0.name": "Mistral 7B v0.1",
        "base_model.0.version": "v0.1",
        "base_model.0.organization": "Mistralai",
        "base_model.0.repo_url": "https://huggingface.co/mistralai/Mistral-7B-v0.1",
        "dataset.count": 1,
        "dataset.0.name": "C4",
        "dataset.0.organization": "Allenai",
        "dataset.0.repo_url": "https://huggingface.co/allenai/c4",
        "tags": ("chat", "text-generation"),
        "languages": ("en", "zh"),
    }
    assert [(key.removeprefix("general."), found[key]) for key in added] == [*expected.items()]


def test_qwq_is_recommended_no_min_p() -> None:
    """Its makers' card says 0, its generation_config.json nothing; llama.cpp's default is not 0."""
    settings = {"temperature": 0.6, "top_k": 40, "top_p": 0.95, "repetition_penalty": 1.0}
    usual = {"top_k": 40, "top_p": 0.95, "temp": 0.6, "penalty_repeat": 1.0}
    found = read_sampling(settings, QWQ)
    assert found == usual | {"min_p": 0.0}
    assert list(found) == ["top_k", "top_p", "min_p", "temp", "penalty_repeat"]
    assert read_sampling(settings | {"min_p": 0.05}, QWQ)["min_p"] == 0.05
    assert read_sampling(settings, QWQ | {"num_hidden_layers": 63}) == usual


@pytest.mark.parametrize("value", ["hot", True, float("nan"), 1e300, [0.6]])
def test_sampling_that_makes_no_sense(value: object) -> None:
    """A recommendation is no reason to refuse a model: it is left out, and that is said."""
    notes: list[str] = []
    assert read_sampling({"temperature": value, "top_p": 0.9}, {}, notes.append) == {"top_p": 0.9}
    assert read_sampling({"top_k": 0.5}, {}, notes.append) == {}
    assert read_sampling({"min_p": value}, QWQ, notes.append) == {"min_p": 0.0}
    words = ("a temperature of", "a top_k of 0.5, which is no whole number", "a min_p of")
    assert all(word in note for word, note in zip(words, notes, strict=True))


def test_whole_numbers_with_a_point() -> None:
    """JSON that other languages write has 40.0 for 40."""
    found = read_sampling({"top_k": 40.0, "temperature": 1}, {})
    assert [(value, type(value)) for value in found.values()] == [(40, int), (1.0, float)]


@pytest.mark.parametrize("value", ["small", True, -1e-6, 1.5, float("nan")])
def test_a_norm_that_makes_no_sense(tmp_path: Path, value: object) -> None:
    """So is an epsilon that is none."""
    with pytest.raises(LocalqwqError, match="rms_norm_eps"):
        entries(tmp_path, config={"rms_norm_eps": value})


def test_the_checkpoints_own_files_decide(tmp_path: Path) -> None:
    """What generation_config.json leaves out is not made up."""
    directory = tmp_path / "small"
    entries(directory)
    write_json(directory / "generation_config.json", {"top_k": 3, "temperature": None})
    with open_checkpoint(directory) as opened:
        assert read_model(opened, "small", "yarn").sampling == {"top_k": 3}


@pytest.mark.parametrize(
    ("name", "parameters", "label"),
    [
        ("qwq", 32_763_876_352, "33B"),
        ("small", 3_301_888, "3.3M"),
        ("small", 570_000, "570K"),
        ("vast", 1_500_000_000_000, "1.5T"),
        ("qwq-32b", 32_763_876_352, "32B"),
        ("qwen2.5-0.5b-instruct", 494_032_768, "0.5B"),
        ("long-32k", 7_600_000_000, "7.6B"),
    ],
)
def test_size_labels(name: str, parameters: int, label: str) -> None:
    """The name's, where it fits; else two digits or more, as llama.cpp's converter has them."""
    assert size_label(name, parameters) == label
