"""QwQ-32B in its full shape, from shards that take no disk."""

from pathlib import Path

import pytest

from localqwq_convert.pipeline import convert
from tests.sparse import QWQ, make_sparse_checkpoint


@pytest.fixture(scope="module")
def qwq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """65.5 GB in 14 shards, of holes."""
    return make_sparse_checkpoint(tmp_path_factory.mktemp("full") / "qwq-32b", QWQ, shards=14)


def test_a_dry_run_tells_the_published_sizes(qwq: Path, tmp_path: Path) -> None:
    """The headers alone are enough, and the tensors have the sizes that llama.cpp gives them."""
    report = convert(qwq, tmp_path / "pack", ["Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"], dry_run=True)
    assert not (tmp_path / "pack").exists()
    assert report.parameters == 32_763_876_352
    assert [output.tensors for output in report.outputs] == [771] * 4
    sizes = {output.quant: output.tensor_bytes / 2**20 for output in report.outputs}
    assert sizes == pytest.approx(
        {"Q4_K_M": 18_926.01, "Q5_K_M": 22_178.82, "Q6_K": 25_634.93, "Q8_0": 33_202.08}, abs=0.005
    )
    bits = [round(output.bits_per_weight, 2) for output in report.outputs]
    assert bits == [4.85, 5.68, 6.56, 8.5]


def test_a_dry_run_tells_the_parts(qwq: Path, tmp_path: Path) -> None:
    """Split as for an upload with a bound on files, each part is within it."""
    report = convert(qwq, tmp_path, ["Q8_0"], dry_run=True, split_max_bytes=10 * 10**9)
    parts = report.outputs[0].parts
    assert [part.path.name for part in parts] == [
        f"qwq-32b-Q8_0-{number:05}-of-00004.gguf" for number in range(1, 5)
    ]
    assert all(part.bytes < 10.1 * 10**9 for part in parts)
    assert sum(part.bytes for part in parts) == report.outputs[0].bytes
