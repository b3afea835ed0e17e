"""ggml's kernels behind checked arguments."""

from typing import Any

import gguf
import numpy as np
import pytest

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import row_bytes
from localqwq_convert.quantizer import Quantizer

BOUNDED = ["F16", "Q8_0", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]


@pytest.fixture(scope="module")
def quantizer() -> Quantizer:
    """The kernels, loaded."""
    return Quantizer()


@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [
        ("F32", 0.0), ("F16", 1e-3), ("BF16", 0.02), ("Q8_0", 0.02), ("Q6_K", 0.1),
        ("Q5_K", 0.2), ("Q5_0", 0.2), ("Q5_1", 0.2), ("Q4_K", 0.4),
    ],
)  # fmt: skip
def test_values_come_back(quantizer: Quantizer, kind: str, tolerance: float) -> None:
    """Another implementation, the gguf package's, reads about the values that went in."""
    rows = np.random.default_rng(0).standard_normal((5, 512), dtype=np.float32)
    data = quantizer.quantize(rows, kind)
    assert data.nbytes == 5 * row_bytes(kind, 512)
    stored = data.view({"F32": np.float32, "F16": np.float16}.get(kind, np.uint8))
    back = gguf.quants.dequantize(stored.reshape(5, -1), gguf.GGMLQuantizationType[kind])
    assert np.abs(back.astype(np.float32) - rows).max() <= tolerance


def test_wrong_arguments_never_reach_ggml(quantizer: Quantizer) -> None:
    """ggml ends the process on these; here they are exceptions."""
    good = np.zeros((2, 256), dtype=np.float32)
    wrong: list[tuple[Any, str]] = [
        (good, "Q2_K"),
        (good, "nonsense"),
        (good.astype(np.float64), "Q8_0"),
        (good[0], "Q8_0"),
        (good[:0], "Q8_0"),
        (good[:, ::2], "Q8_0"),
        (np.zeros((2, 100), dtype=np.float32), "Q4_K"),
    ]
    for rows, kind in wrong:
        with pytest.raises(ValueError):
            quantizer.quantize(rows, kind)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["F32", "BF16", *BOUNDED])
def test_values_that_are_no_numbers_are_refused(
    quantizer: Quantizer, kind: str, value: float
) -> None:
    """A damaged checkpoint does not become a quietly broken model."""
    rows = np.zeros((2, 256), dtype=np.float32)
    rows[1, 17] = value
    with pytest.raises(LocalqwqError, match="infinities or NaNs"):
        quantizer.quantize(rows, kind)


@pytest.mark.parametrize("kind", BOUNDED)
def test_values_beyond_f16_are_refused_where_they_would_overflow(
    quantizer: Quantizer, kind: str
) -> None:
    """BF16 and F32 hold them, the others say so."""
    rows = np.zeros((1, 256), dtype=np.float32)
    rows[0, 0] = -1e6
    with pytest.raises(LocalqwqError, match=f"too far for {kind}: choose BF16"):
        quantizer.quantize(rows, kind)
    assert quantizer.quantize(rows, "BF16").nbytes == 512


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """The way out is in the sentence."""
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(tmp_path))
    with pytest.raises(LocalqwqError, match="reinstall llama-cpp-python"):
        Quantizer()
