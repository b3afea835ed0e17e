"""Positions: YaRN where the makers support it, and only there; Llama 3.1's scaling as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.packs.catalogue import read_entry
from localqwq_convert.architectures import find_architecture
from localqwq_convert.known_models import KNOWN_MODELS, find_known_model
from localqwq_convert.rope import Linear, Llama3Scaling, Rope, Yarn, frequency_factors, read_rope
from tests.sparse import QWQ

SCALED = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
SHIPPED = Path(__file__).parents[2] / "models" / "catalogue"
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
LLAMA = {"max_position_embeddings": 131072, "rope_theta": 500000.0, "rope_scaling": LLAMA3}


def test_qwq_reaches_131072_tokens() -> None:
    """QwQ-32B's configuration names no scaling; its makers' card does."""
    assert read_rope(QWQ, "yarn", "it") == Rope(1e6, 131072, Yarn(4.0, 32768))
    assert read_rope(QWQ, "native", "it") == Rope(1e6, 40960, None)


@pytest.mark.parametrize("model", KNOWN_MODELS, ids=lambda model: model.name)
def test_known_models_are_told_apart(model: Any) -> None:
    """Each row of the table is found by its own numbers, wherever the rope's base stands."""
    keys = (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "vocab_size", "max_position_embeddings", "rms_norm_eps",
    )  # fmt: skip
    config = dict(zip(keys, model.numbers, strict=True))
    config["architectures"] = [model.architecture]
    assert find_known_model(config | {"rope_theta": 1e6}) is model
    assert find_known_model(config | {"rope_parameters": {"rope_theta": 1e6}}) is model
    assert read_rope(config | {"rope_theta": 1e6}, "yarn", "it").context == 131072


OTHERS: dict[str, dict[str, Any]] = {
    "QwQ-32B-Preview": {"max_position_embeddings": 32768},
    "Qwen2.5-32B": {"max_position_embeddings": 131072},
    "DeepSeek-R1-Distill-Qwen-32B": {"max_position_embeddings": 131072},
    "DeepSeek-R1-Distill-Qwen-7B": {
        "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-6,
        "max_position_embeddings": 131072, "rope_theta": 10000.0,
    },
    "Qwen2.5-7B": {
        "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-6,
        "max_position_embeddings": 131072,
    },
    "Qwen2.5-0.5B-Instruct": {
        "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
        "num_attention_heads": 14, "num_key_value_heads": 2, "rms_norm_eps": 1e-6,
        "max_position_embeddings": 32768, "vocab_size": 151936,
    },
    "another architecture": {"architectures": ["LlamaForCausalLM"]},
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_models_get_no_scaling_by_themselves(name: str) -> None:
    """One number that differs is another model, whose makers make no such claim."""
    config = QWQ | OTHERS[name]
    found = read_rope(config, "yarn", "it")
    assert found == Rope(config["rope_theta"], config["max_position_embeddings"], None)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_the_catalogue_agrees(path: Path) -> None:
    """What it says of a model's context is what its converted checkpoint would have."""
    entry = read_entry(path)
    family = find_architecture(entry.config, entry.name)
    found = read_rope(entry.config, "yarn", entry.name, frequency_factors=family.frequency_factors)
    scaling = found.scaling
    assert found.context == entry.context
    assert (entry.rope is None) == (not isinstance(scaling, Yarn))
    if entry.rope is not None and isinstance(scaling, Yarn):
        assert (entry.rope.factor, entry.rope.original_context) == (
            scaling.factor,
            scaling.original_context,
        )


def test_the_preview_is_not_scaled() -> None:
    """It has the shape of Qwen2.5-32B-Instruct, whose makers recommend YaRN, but is no such model:
    its configuration has 32,768 positions and no scaling.
    """
    preview = read_entry(SHIPPED / "qwq-32b-preview.toml")
    assert find_known_model(preview.config) is None
    assert (preview.context, preview.rope) == (32_768, None)


@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
@pytest.mark.parametrize("positions", [32768, 131072])
def test_scaling_from_the_configuration(key: str, positions: int) -> None:
    """Either key, whether or not the configuration already names the scaled context."""
    config = {"max_position_embeddings": positions, "rope_theta": 5.0, key: SCALED}
    assert read_rope(config, "yarn", "it") == Rope(5.0, 131072, Yarn(4.0, 32768))
    assert read_rope(config, "native", "it") == Rope(5.0, 32768, None)


def test_further_numbers_are_kept() -> None:
    """YaRN's optional parameters go along under their GGUF names and in GGUF's order."""
    scaling = SCALED | {"beta_slow": 1, "beta_fast": 32, "attn_factor": 0.8782488562869419}
    found = read_rope(QWQ | {"rope_scaling": scaling}, "yarn", "it").scaling
    assert isinstance(found, Yarn)
    assert found.further == (
        ("yarn_attn_factor", 0.8782488562869419),
        ("yarn_beta_fast", 32.0),
        ("yarn_beta_slow", 1.0),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"beta_fast": 8},
        {"beta_slow": 2},
        {"attention_factor": 0.9},
        {"mscale": 1.0, "mscale_all_dim": 0.8},
        {"truncate": False},
    ],
    ids=str,
)
def test_variants_of_yarn_that_llama_cpp_does_not_compute(change: dict[str, Any]) -> None:
    """They are refused with the way out; without YaRN they do not matter."""
    config = QWQ | {"rope_scaling": SCALED | change}
    with pytest.raises(LocalqwqError, match="--rope native"):
        read_rope(config, "yarn", "it")
    assert read_rope(config, "native", "it").scaling is None


def test_newer_configurations_keep_theta_elsewhere() -> None:
    """`rope_parameters` with the default type is no scaling."""
    parameters = {"rope_type": "default", "rope_theta": 7.0}
    config = {"max_position_embeddings": 64, "rope_parameters": parameters}
    assert read_rope(config, "yarn", "it") == Rope(7.0, 64, None)


def test_the_entry_of_transformers_5_comes_before_an_older_base() -> None:
    """As Transformers has it; both stand in files that were saved again and edited."""
    parameters = {"rope_type": "default", "rope_theta": 7.0}
    config = {"max_position_embeddings": 64, "rope_theta": 5.0, "rope_parameters": parameters}
    assert read_rope(config, "yarn", "it") == Rope(7.0, 64, None)


def test_an_entry_by_kinds_of_layers() -> None:
    """Only full attention counts: models with other kinds of layers are refused before."""
    parameters = {
        "full_attention": SCALED | {"rope_theta": 7.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 9.0},
    }
    config = {"max_position_embeddings": 32768, "rope_theta": 5.0, "rope_parameters": parameters}
    assert read_rope(config, "yarn", "it") == Rope(7.0, 131072, Yarn(4.0, 32768))
    del parameters["full_attention"]["rope_theta"]
    assert read_rope(config, "yarn", "it").theta == 5.0


@pytest.mark.parametrize("theta", [{}, {"rope_theta": 5.0}])
def test_a_pasted_scaling_counts(theta: dict[str, float]) -> None:
    """Model cards tell people to add `rope_scaling`; the base of the model stays what it was."""
    parameters = {"rope_type": "default", "rope_theta": 1e6}
    config = {"max_position_embeddings": 32768, "rope_parameters": parameters}
    config |= {"rope_scaling": SCALED | theta}
    wanted = Rope(theta.get("rope_theta", 1e6), 131072, Yarn(4.0, 32768))
    assert read_rope(config, "yarn", "it") == wanted
    assert read_rope(config, "native", "it") == Rope(wanted.theta, 32768, None)


def test_the_trained_length_outside_of_the_entry_counts() -> None:
    """Transformers gives it priority."""
    config = {"max_position_embeddings": 131072, "rope_scaling": SCALED}
    config |= {"original_max_position_embeddings": 16384}
    found = read_rope(config, "yarn", "it")
    assert found == Rope(10000.0, 131072, Yarn(4.0, 16384))


@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
def test_linear_scaling(key: str) -> None:
    """It is part of the file, and the context is the configuration's, as llama.cpp has it."""
    config: dict[str, Any] = {"max_position_embeddings": 16384, "rope_theta": 5.0}
    config[key] = {"type": "linear", "factor": 4}
    assert read_rope(config, "yarn", "it") == Rope(5.0, 16384, Linear(4.0))
    assert read_rope(config, "native", "it") == Rope(5.0, 16384, None)


def test_dynamic_scaling_begins_beyond_the_context() -> None:
    """Up to there the model is the unscaled one; that more is missing is said."""
    config: dict[str, Any] = {"max_position_embeddings": 4096, "rope_theta": 5.0}
    config["rope_scaling"] = {"type": "dynamic", "factor": 2.0}
    notes: list[str] = []
    assert read_rope(config, "yarn", "it", note=notes.append) == Rope(5.0, 4096, None)
    [note] = notes
    assert "beyond 4,096 tokens" in note


@pytest.mark.parametrize(
    "entry",
    [
        SCALED | {"mrope_section": [16, 24, 24]},
        {"rope_type": "default", "mrope_section": [16, 24, 24]},
        {"rope_type": "linear", "factor": 2.0, "beta_fast": 32},
        {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [2.0]},
        {"type": "su", "factor": 2.0},
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused(entry: dict[str, Any]) -> None:
    """By name and with the way out, under either key."""
    for key in ("rope_scaling", "rope_parameters"):
        config = {"max_position_embeddings": 8192, key: entry | {"rope_theta": 7.0}}
        with pytest.raises(LocalqwqError, match="--rope native"):
            read_rope(config, "yarn", "it")
        found = read_rope(config, "native", "it")
        assert (found.theta, found.scaling) == (7.0, None)


def test_what_is_not_understood_of_llama_31_is_refused() -> None:
    """Its scaling cannot be left out, so native is no way out."""
    config = LLAMA | {"rope_scaling": LLAMA3 | {"beta_fast": 32}}
    with pytest.raises(LocalqwqError, match="remove it there\\.") as caught:
        read_rope(config, "yarn", "it", frequency_factors=True)
    assert "native" not in str(caught.value)


@pytest.mark.parametrize("choice", ["yarn", "native"])
def test_llama_31_scaling_is_part_of_the_model(choice: Any) -> None:
    """It stays whatever is chosen, and is refused where llama.cpp would ignore it."""
    found = read_rope(LLAMA, choice, "it", frequency_factors=True)
    assert found == Rope(500000.0, 131072, Llama3Scaling(8.0, 1.0, 4.0, 8192))
    with pytest.raises(LocalqwqError, match="does not scale its positions by 'llama3'"):
        read_rope(LLAMA, choice, "it")


def test_frequency_factors_of_llama_31() -> None:
    """High frequencies stay, low ones are divided by 8, six lie between."""
    factors = frequency_factors(Llama3Scaling(8.0, 1.0, 4.0, 8192), 500000.0, 128)
    assert factors.dtype == np.float32
    assert (factors[:29] == 1).all()
    assert (factors[35:] == 8).all()
    # As torch computes them in llama.cpp's converter, to the last bit.
    assert factors[29:35].tolist() == [
        1.2074838876724243, 1.5534145832061768, 2.026313066482544,
        2.6945300102233887, 3.684253215789795, 5.257327079772949,
    ]  # fmt: skip


@given(
    st.floats(1.0, 64.0),
    st.floats(0.5, 4.0),
    st.floats(1.5, 8.0),
    st.integers(16, 1 << 17),
    st.floats(100.0, 1e7),
    st.integers(1, 64),
)
def test_factors_rise_with_the_wavelength(
    factor: float, low: float, above: float, context: int, theta: float, pairs: int
) -> None:
    """From 1 to the factor, never outside, never back."""
    scaling = Llama3Scaling(factor, low, low * above, context)
    factors = frequency_factors(scaling, theta, 2 * pairs)
    assert factors.shape == (pairs,)
    assert (factors >= 1 - 1e-5).all()
    assert (factors <= factor * (1 + 1e-5)).all()
    assert (np.diff(factors) >= -1e-4 * factor).all()


@pytest.mark.parametrize(
    "change",
    [
        {"rope_scaling": {"type": "linear"}},
        {"rope_parameters": 1e6},
        {"rope_parameters": {"sliding_attention": {"rope_theta": 1e6}}},
        {"rope_parameters": {"full_attention": SCALED, "rope_theta": 1e6}},
        {"rope_parameters": {"rope_type": None}},
        {"rope_parameters": {"rope_theta": "large"}, "rope_theta": 1e6},
        {"partial_rotary_factor": 0.5},
        {"rope_parameters": {"partial_rotary_factor": 0.5}},
        {"rope_scaling": {"type": "yarn"}},
        {"rope_scaling": {"type": "yarn", "factor": float("nan")}},
        {"rope_scaling": {"type": "yarn", "factor": 1e9}},
        {"rope_scaling": "yarn"},
        {"rope_scaling": {"type": ["yarn"]}},
        {"rope_scaling": {"type": "llama3"}},
        {"rope_scaling": LLAMA3 | {"low_freq_factor": 4.0}},
        {"rope_scaling": LLAMA3 | {"factor": 0}},
        {"max_position_embeddings": None},
        {"max_position_embeddings": -1},
        {"rope_theta": "large"},
        {"rope_theta": 1e-40},
    ],
    ids=str,
)
def test_numbers_that_make_no_sense(change: dict[str, Any]) -> None:
    """Unknown scalings and impossible numbers are named."""
    with pytest.raises(LocalqwqError, match="cannot be converted"):
        read_rope(QWQ | change, "yarn", "it", frequency_factors=True)
