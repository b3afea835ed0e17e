"""Positions: YaRN where the makers support it, and only there."""

from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.rope import Rope, Yarn, read_rope

QWQ: dict[str, Any] = {
    "hidden_size": 5120,
    "intermediate_size": 27648,
    "max_position_embeddings": 40960,
    "num_attention_heads": 40,
    "num_hidden_layers": 64,
    "num_key_value_heads": 8,
    "rope_theta": 1000000.0,
    "vocab_size": 152064,
}
SCALED = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}


def test_qwq_reaches_131072_tokens() -> None:
    """QwQ-32B's configuration names no scaling; its makers' card does."""
    assert read_rope(QWQ, "yarn", "it") == Rope(1e6, 131072, Yarn(4.0, 32768))
    assert read_rope(QWQ, "native", "it") == Rope(1e6, 40960, None)


def test_other_models_get_no_scaling_by_themselves() -> None:
    """One number that differs is another model."""
    other = QWQ | {"max_position_embeddings": 32768}
    assert read_rope(other, "yarn", "it") == Rope(1e6, 32768, None)


@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
@pytest.mark.parametrize("positions", [32768, 131072])
def test_scaling_from_the_configuration(key: str, positions: int) -> None:
    """Either key, whether or not the configuration already names the scaled context."""
    config = {"max_position_embeddings": positions, "rope_theta": 5.0, key: SCALED}
    assert read_rope(config, "yarn", "it") == Rope(5.0, 131072, Yarn(4.0, 32768))
    assert read_rope(config, "native", "it") == Rope(5.0, 32768, None)


def test_further_numbers_are_kept() -> None:
    """YaRN's optional parameters go along under their GGUF names."""
    scaling = SCALED | {"rope_type": "yarn", "beta_fast": 32, "attention_factor": 0.9}
    found = read_rope(QWQ | {"rope_scaling": scaling}, "yarn", "it").yarn
    assert found is not None
    assert set(found.further) == {("yarn_beta_fast", 32.0), ("yarn_attn_factor", 0.9)}


def test_newer_configurations_keep_theta_elsewhere() -> None:
    """`rope_parameters` with the default type is no scaling."""
    parameters = {"rope_type": "default", "rope_theta": 7.0}
    config = {"max_position_embeddings": 64, "rope_parameters": parameters}
    assert read_rope(config, "yarn", "it") == Rope(7.0, 64, None)


@pytest.mark.parametrize(
    "change",
    [
        {"rope_scaling": {"type": "dynamic", "factor": 2.0}},
        {"rope_scaling": {"type": "yarn"}},
        {"rope_scaling": {"type": "yarn", "factor": float("nan")}},
        {"rope_scaling": {"type": "yarn", "factor": 1e9}},
        {"rope_scaling": "yarn"},
        {"max_position_embeddings": None},
        {"max_position_embeddings": -1},
        {"rope_theta": "large"},
    ],
    ids=str,
)
def test_numbers_that_make_no_sense(change: dict[str, Any]) -> None:
    """Unknown scalings and impossible numbers are named."""
    with pytest.raises(LocalqwqError, match="cannot be converted"):
        read_rope(QWQ | change, "yarn", "it")
