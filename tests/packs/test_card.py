"""Model cards: true to the manifest, valid YAML, and nothing in them that a page would obey."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import yaml
from hypothesis import given
from hypothesis import strategies as st

from localqwq.models.card_advice import advice
from localqwq.models.chat_templates import prompt_format
from localqwq.packs.figures import Figures
from localqwq.packs.manifest import Manifest, read_manifest
from localqwq.packs.publish.card import MARK, model_card
from localqwq.packs.publish.details import CardDetails, details_of
from tests.machines import qwq
from tests.measured import evaluation, quality, speed

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
        "quantized_by": "someone",
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
        "ollama run hf.co/someone/qwq-32b-GGUF:Q4_K_M",
        "lms get https://huggingface.co/someone/qwq-32b-GGUF",
        "- **Q4_K_M** (18.5 GiB): a good balance",
        "- **Q8_0** (32.4 GiB): practically indistinguishable from the original.",
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
    known |= {"quantized_by", "library_name", "pipeline_tag", "tags"}
    assert set(front_matter(card)) <= known
    body = card.split("---\n", 2)[2]
    headings = [line.lstrip("# ") for line in body.splitlines() if line.startswith("#")]
    assert headings == ["qwq-32b", "Files", "Running it", "Sampling", "Checking the files"]
    assert "<script" not in body


def test_what_the_files_say(tmp_path: Path, demo_pack: Path) -> None:
    """Languages, importance matrices and the prompt come from the headers."""
    details = details_of(demo_pack, read_manifest(demo_pack), prompt_format)
    assert set(details.importance.values()) == {None}
    card = model_card(read_manifest(demo_pack), REPOSITORY, details)
    assert "- Q8_0: no importance matrix was used" in card
    assert "## Prompt format" in card
    assert "{question}<|im_end|>" in card
    made = replace(
        details,
        languages=("en", "zh"),
        importance={"Q8_0": None, "Q4_K_M": "calibration_v5.txt", "IQ3_M": ""},
        prompt="a ``` b",
    )
    card = model_card(read_manifest(demo_pack), REPOSITORY, made)
    assert front_matter(card)["language"] == ["en", "zh"]
    assert (
        "- Q4_K_M: quantized with an importance matrix computed from calibration\\_v5.txt" in card
    )
    assert "- IQ3_M: quantized with an importance matrix\n" in card
    assert "````text\na ``` b\n````" in card


def test_headers_of_strangers(tmp_path: Path) -> None:
    """Values of the wrong kind are left out, and a file without a header as well."""
    path = tmp_path / "qwq-32b-Q8_0.gguf"
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_array("general.languages", ["en", "<b>", "en", "de-CH", "x" * 50])
    writer.add_string("quantize.imatrix.dataset", "C:\\\\texts\\\\a.txt")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    details = details_of(tmp_path, manifest(), lambda facts: None)
    assert details.languages == ("en", "de-CH")
    assert details.importance == {"Q8_0": "a.txt"}
    assert details.prompt is None


def test_models_in_parts_are_not_for_ollama() -> None:
    """It takes one file; the first quantization of one file is named."""
    parts = [
        {**dict(file), "quant": "Q8_0", "path": f"qwq-32b-Q8_0-0000{number}-of-00002.gguf"}
        for number, file in ((1, manifest().files[1]), (2, manifest().files[1]))
    ]
    assert "ollama" not in model_card(manifest(files=parts), REPOSITORY).lower()


def test_what_was_measured(tmp_path: Path) -> None:
    """One table of all quantizations, the picture, and how to find each figure again."""
    found = Figures(
        quality=[quality("Q8_0", kld_mean=None, reference="tiny:Q8_0"), quality("Q4_K_M")],
        evaluations=[evaluation("Q4_K_M", votes=4, majority=0.8), evaluation("Q8_0")],
        speeds=[speed("Q4_K_M")],
    )
    card = model_card(manifest(figures=found.model_dump()), REPOSITORY)
    for words in (
        "| Quantization | Size | Bits per weight | KL divergence, sums.txt | Same top word, "
        "sums.txt | Perplexity, sums.txt | Tokens/s on a processor, 2 cores | aime24 |",
        "| Q4_K_M | 18.5 GiB | 4.85 | 0.0552 ± 0.007 | 93.9% ± 0.9 | 35.9 ± 6.9 | 12.5, reads "
        "100.0 | 75.0% (60.0% to 86.0%); vote of 4: 80.0% |",
        "| Q8_0 | 32.4 GiB | 8.50 | the reference |",
        "![Size against divergence](quality.svg)",
        "- Q8_0: sums.txt, 765 tokens against tiny:Q8\\_0\n  (2026-11-30, a processor, 2 cores, "
        "localqwq 0.1.0, llama-cpp-python 0.3.36): `localqwq quality tiny --text sums.txt`",
        "- Q4_K_M: 512 tokens read and 128 written, 2 threads, plain attention\n",
        "- Q4_K_M, Q8_0: aime24, 30 problems, 120 answers, temperature 0.6, top-p 0.95, top-k 40, "
        "at most 32,768 tokens, seed 1\n",
        "`localqwq eval aime24 tiny:QUANTIZATION --samples 4 --limit 30 --seed 1`",
        "`localqwq bench tiny:QUANTIZATION`",
    ):
        assert words in card
    assert "What was measured" not in model_card(manifest(), REPOSITORY)


def test_the_makers_figures(demo_pack: Path) -> None:
    """They are those of the checkpoint in the catalogue, each with its source."""
    found = details_of(demo_pack, manifest(files=read_manifest(demo_pack).files), prompt_format)
    card = model_card(manifest(), REPOSITORY, found)
    assert "| AIME25 | 69.5 | github.com/QwenLM/QwQ |" in card
    assert "| BFCL | 66.4 | Qwen3 Technical Report, tables 11 to 19 |" in card
    unknown = details_of(demo_pack, read_manifest(demo_pack), prompt_format)
    assert "The makers' figures" not in model_card(manifest(), REPOSITORY, unknown)


def test_which_one_to_take() -> None:
    """What the planner says, also of quantizations that are known by their size alone."""
    known = qwq("Q4_K_M")
    details = CardDetails(facts=(known,), advise=advice)
    card = model_card(manifest(), REPOSITORY, details)
    assert "| Memory | On a graphics card | On a Mac | On a processor |" in card
    rows = {row.memory: row.choices for row in advice([known], {"Q8_0": 34_820_884_672})}
    assert rows["16 GB"][1:] == ("none fits", "none fits")
    assert rows["48 GB"][0] == "Q8_0, 32,768 tokens"
    small, *_, large = advice([known], {"Q8_0": 34_820_884_672, "Q4_K_M": known.bytes})
    assert small.choices == ("Q4_K_M, 32,768 tokens, 42 of 65 layers on it", *["none fits"] * 2)
    assert large.choices[2] == "Q4_K_M, 32,768 tokens"


@given(suite=TEXTS, machine=TEXTS, command=TEXTS)
def test_any_words_of_figures_stay_words(suite: str, machine: str, command: str) -> None:
    """No text of a figure becomes a heading, a column or HTML."""
    about = {"machine": machine, "command": command}
    found = Figures(
        quality=[quality(suite=suite, **about)],
        evaluations=[evaluation(suite=suite, **about)],
        speeds=[speed(**about)],
    )
    card = model_card(manifest(figures=found.model_dump()), REPOSITORY)
    (row,) = [line for line in card.splitlines() if line.startswith("| Q8_0 | 32.4")]
    (head,) = [line for line in card.splitlines() if line.startswith("| Quantization | Size |")]
    assert _columns(row) == _columns(head) == 8
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert len(headings) == 7


def _columns(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1
