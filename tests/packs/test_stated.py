"""What a manifest takes over from a GGUF's header."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localqwq.packs.manifest import Manifest, PackFile
from localqwq.packs.store.header_statements import (
    stated_bases,
    stated_license,
    stated_sampling,
    stated_source,
)

METADATA = {
    "general.license": "apache-2.0",
    "general.source.huggingface.repository": "Qwen/QwQ-32B",
    "general.url": "https://example.org",
    "general.base_model.0.repo_url": "https://huggingface.co/Qwen/Qwen2.5-32B",
    "general.base_model.0.name": "Qwen2.5 32B",
    "general.base_model.1.name": "Another",
    "general.sampling.temp": 0.6000000238418579,
    "general.sampling.top_k": 40,
    "general.sampling.sequence": "k;p",
    "general.sampling.mirostat": 2,
}


def test_license_origin_and_sampling() -> None:
    """The most telling keys are used, and 32-bit floats read as they were meant."""
    assert stated_license(METADATA) == "apache-2.0"
    assert stated_license({"general.license": "other", "general.license.name": "X"}) == "X"
    assert stated_source(METADATA) == "Qwen/QwQ-32B"
    assert stated_source({}) is None
    assert stated_bases(METADATA) == ["https://huggingface.co/Qwen/Qwen2.5-32B", "Another"]
    assert stated_sampling(METADATA) == {"temp": 0.6, "top_k": 40}


VALUES = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.text(max_size=300), st.lists(st.integers())
)
KEYS = [*METADATA, *(f"general.base_model.{number}.name" for number in range(2, 30))]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_header_can_be_described(metadata: dict[str, Any]) -> None:
    """Whatever a header holds, what is taken from it is allowed in a manifest."""
    file = PackFile(quant="F32", path="a.gguf", bytes=1, sha256="0" * 64, bits_per_weight=1.0)
    Manifest(
        name="tiny",
        architecture="qwen2",
        parameters=1,
        context=1,
        base_models=stated_bases(metadata),
        license=stated_license(metadata),
        source=stated_source(metadata),
        sampling=stated_sampling(metadata),
        files=[file],
    )
