"""Model cards: true to the manifest, valid YAML, and nothing in them that a page would obey."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from localqwq.packs.manifest import Manifest
from localqwq.packs.publish.card import MARK, model_card

SHA = "0123456789abcdef" * 4
REPOSITORY = "someone/qwq-32b-GGUF"


def manifest(**changes: Any) -> Manifest:
    """A manifest like QwQ-32B's, with changes."""
    document = {
        "name": "qwq-32b",
        "architecture": "qwen2",
        "parameters": 32_763_876_352,
        "context": 131072,
        "base_models": ["https://huggingface.co/Qwen/Qwen2.5-32B"],
        "license": "apache-2.0",
        "source": "Qwen/QwQ-32B",
        "source_revision": "976055f8c83f394f35dbd3ab09a285a984907bd0",
        "converter": "localqwq 0.1.0",
        "rope": {"type": "yarn", "factor": 4.0, "original_context": 32768},
        "sampling": {"temp": 0.6, "top_k": 40, "top_p": 0.95, "min_p": 0},
        "files": [
            {
                "quant": quant,
                "path": f"qwq-32b-{quant}.gguf",
                "bytes": size,
                "sha256": SHA,
                "bits_per_weight": bits,
            }
            for quant, size, bits in (
                ("Q4_K_M", 19_851_335_872, 4.85),
                ("Q8_0", 34_820_884_672, 8.5),
            )
        ],
        **changes,
    }
    return Manifest.model_validate(document)


def front_matter(card: str) -> dict[str, Any]:
    """The block of YAML at a card's start."""
    values: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return values


def test_what_the_hub_reads() -> None:
    """License, the model that was quantized, the task, tags to be found by."""
    assert front_matter(model_card(manifest(), REPOSITORY)) == {
        "license": "apache-2.0",
        "base_model": ["Qwen/QwQ-32B"],
        "base_model_relation": "quantized",
        "library_name": "gguf",
        "pipeline_tag": "text-generation",
        "tags": ["gguf", "localqwq", "qwen2"],
    }


def test_what_people_read() -> None:
    """Each file with size, bits and checksum, and commands that can be copied."""
    card = model_card(manifest(), REPOSITORY)
    assert MARK in card
    for words in (
        "| Q4_K_M | [qwq-32b-Q4_K_M.gguf](qwq-32b-Q4_K_M.gguf) | 18.5 GiB | 4.85 |",
        SHA,
        "131,072 tokens (yarn, 4 times 32,768)",
        "localqwq pull hf:someone/qwq-32b-GGUF:Q4_K_M",
        "llama-cli -hf someone/qwq-32b-GGUF:Q4_K_M --jinja --temp 0.6 --top-k 40 --top-p 0.95 "
        "--min-p 0",
        "[Qwen/QwQ-32B](https://huggingface.co/Qwen/QwQ-32B) at revision 976055f8",
        "| `top_p` | 0.95 |",
    ):
        assert words in card


def test_licenses_that_the_hub_does_not_know() -> None:
    """They are named; a card without one has none."""
    values = front_matter(model_card(manifest(license="Tongyi Qianwen License"), REPOSITORY))
    assert (values["license"], values["license_name"]) == ("other", "tongyi-qianwen-license")
    assert "license" not in front_matter(model_card(manifest(license=None), REPOSITORY))


def test_a_pack_of_unknown_origin() -> None:
    """What was quantized is not guessed; its name stands where the origin would."""
    card = model_card(manifest(source=None, base_models=[], source_revision=None), REPOSITORY)
    assert "base_model" not in front_matter(card)
    assert "GGUF files of qwq-32b, made with" in card


TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["C", "Z"]), max_size=60)


@given(source=TEXTS, license=TEXTS, base=TEXTS)
def test_any_words_stay_words(source: str, license: str, base: str) -> None:  # noqa: A002
    """Whatever a manifest may hold, the YAML keeps its keys and the page its headings."""
    card = model_card(manifest(source=source, license=license, base_models=[base]), REPOSITORY)
    known = {"license", "license_name", "base_model", "base_model_relation"}
    known |= {"library_name", "pipeline_tag", "tags"}
    assert set(front_matter(card)) <= known
    body = card.split("---\n", 2)[2]
    headings = [line.lstrip("# ") for line in body.splitlines() if line.startswith("#")]
    assert headings == ["qwq-32b", "Files", "Running it", "Sampling", "Checking the files"]
    assert "<script" not in body
