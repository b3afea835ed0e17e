"""ggml's kernels behind checked arguments."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gguf
import numpy as np
import pytest

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import row_bytes
from localqwq_convert.imatrix import MAX_IMPORTANCE
from localqwq_convert.quantizer import Quantizer
from localqwq_convert.recipes import TENSOR_TYPES

BOUNDED = [name for name in TENSOR_TYPES if name not in ("F32", "BF16")]
SLOW = ("IQ2_S", "IQ1_M", "IQ1_S")
"""ggml computes tables for seconds before the first row of these."""
REQUIRING = ("IQ2_XS", "IQ2_XXS", "IQ1_S")
"""What ggml does not make without importances."""
TOLERANCES = {
    "F32": 0.0, "F16": 1e-3, "BF16": 0.02, "Q8_0": 0.02, "Q6_K": 0.1, "Q5_K": 0.2, "Q5_0": 0.2,
    "Q5_1": 0.2, "Q4_K": 0.4, "Q4_0": 0.4, "Q4_1": 0.4, "IQ4_NL": 0.5, "IQ4_XS": 0.5, "Q3_K": 0.8,
    "IQ3_S": 0.9, "IQ3_XXS": 1.5, "Q2_K": 1.5, "IQ2_XS": 2.5, "IQ2_XXS": 2.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def quantizer() -> Quantizer:
    """The kernels, loaded."""
    return Quantizer()


@pytest.mark.parametrize("kind", TOLERANCES)
def test_values_come_back(quantizer: Quantizer, kind: str) -> None:
    """Another implementation, the gguf package's, reads about the values that went in."""
    rows = np.random.default_rng(0).standard_normal((5, 512), dtype=np.float32)
    data = quantizer.quantize(rows, kind, np.ones(512, dtype=np.float32))
    assert data.nbytes == 5 * row_bytes(kind, 512)
    stored = data.view({"F32": np.float32, "F16": np.float16}.get(kind, np.uint8))
    back = gguf.quants.dequantize(stored.reshape(5, -1), gguf.GGMLQuantizationType[kind])
    assert np.abs(back.astype(np.float32) - rows).max() <= TOLERANCES[kind]


@pytest.mark.parametrize("kind", ["Q4_K", "Q4_0", "IQ4_XS", "IQ3_S", "Q2_K"])
def test_what_is_important_comes_back_better(quantizer: Quantizer, kind: str) -> None:
    """Columns that count a thousand times as much have smaller errors than without."""
    rows = np.random.default_rng(1).standard_normal((16, 256), dtype=np.float32)
    importance = np.where(np.arange(256) % 8, 1, 1000).astype(np.float32)
    errors = []
    for weights in (None, importance):
        data = quantizer.quantize(rows, kind, weights).reshape(16, -1)
        back = gguf.quants.dequantize(data, gguf.GGMLQuantizationType[kind])
        errors.append(float(np.square(back - rows)[:, ::8].sum()))
    assert errors[1] < errors[0]


@pytest.mark.parametrize("kind", [kind for kind in BOUNDED if kind not in (*SLOW, "F16")])
@pytest.mark.parametrize("reach", [1e-30, 1.0, 60000.0])
def test_any_importances_are_survived(quantizer: Quantizer, kind: str, reach: float) -> None:
    """From none at all to the largest that are read: numbers come out, or a clear error."""
    random = np.random.default_rng(2)
    rows = (random.standard_normal((6, 256)) * reach / 8).clip(-reach, reach).astype(np.float32)
    rows[1], rows[2, :100], rows[3, 7] = 0, 0, reach
    spread = (10 ** random.uniform(-45, 20, 256)).astype(np.float32)
    for importance in (np.zeros_like(spread), spread, np.full_like(spread, MAX_IMPORTANCE)):
        data = quantizer.quantize(rows, kind, importance)
        assert data.nbytes == 6 * row_bytes(kind, 256)


@pytest.mark.parametrize("kind", ["Q4_K", "IQ3_XXS", "IQ2_XXS"])
def test_threads_get_the_same_bytes(quantizer: Quantizer, kind: str) -> None:
    """Also where they meet at ggml's tables."""
    rows = np.random.default_rng(3).standard_normal((8, 256), dtype=np.float32)
    importance = np.ones(256, dtype=np.float32)
    whole = quantizer.quantize(rows, kind, importance).tobytes()
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda row: quantizer.quantize(row, kind, importance), rows[:, np.newaxis])
        assert b"".join(part.tobytes() for part in parts) == whole


def test_wrong_arguments_never_reach_ggml(quantizer: Quantizer) -> None:
    """ggml ends the process on these; here they are exceptions."""
    good = np.zeros((2, 256), dtype=np.float32)
    wrong: list[tuple[Any, str]] = [
        (good, "Q8_1"),
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
    for importance in (good, good[0, ::2], good[0].astype(np.float64), np.zeros(255, np.float32)):
        with pytest.raises(ValueError):
            quantizer.quantize(good, "Q4_K", importance)
    for kind in REQUIRING:
        with pytest.raises(ValueError, match="without importances"):
            quantizer.quantize(good, kind)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["F32", "BF16", *BOUNDED])
def test_values_that_are_no_numbers_are_refused(
    quantizer: Quantizer, kind: str, value: float
) -> None:
    """A damaged checkpoint does not become a quietly broken model."""
    rows = np.zeros((2, 256), dtype=np.float32)
    rows[1, 17] = value
    with pytest.raises(LocalqwqError, match="infinities or NaNs"):
        quantizer.quantize(rows, kind, np.ones(256, dtype=np.float32))


@pytest.mark.parametrize("kind", BOUNDED)
def test_values_beyond_f16_are_refused_where_they_would_overflow(
    quantizer: Quantizer, kind: str
) -> None:
    """BF16 and F32 hold them, the others say so."""
    rows = np.zeros((1, 256), dtype=np.float32)
    rows[0, 0] = -1e6
    with pytest.raises(LocalqwqError, match=f"too far for {kind}: choose BF16"):
        quantizer.quantize(rows, kind, np.ones(256, dtype=np.float32))
    assert quantizer.quantize(rows, "BF16").nbytes == 512


def test_values_beyond_bf16_are_refused(quantizer: Quantizer) -> None:
    """The last F32 numbers would be rounded up to infinity."""
    rows = np.full((1, 256), np.finfo(np.float32).max, dtype=np.float32)
    with pytest.raises(LocalqwqError, match="too far for BF16: choose F32"):
        quantizer.quantize(rows, "BF16")
    assert quantizer.quantize(rows, "F32").nbytes == 1024


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """The way out is in the sentence."""
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(tmp_path))
    with pytest.raises(LocalqwqError, match="cannot be used; compile it again: "):
        Quantizer()
