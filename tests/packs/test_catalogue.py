"""The catalogue: every entry makes sense, and people can add their own."""

import json
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.gguf.types import FILE_TYPE_NAMES
from localqwq.locations import config_directory, data_directory
from localqwq.models.prospects import prospect, prospects
from localqwq.models.suiting import suiting
from localqwq.packs import catalogue
from localqwq.packs.catalogue import Entry, read_entry
from localqwq.packs.sources.file_names import quant_of
from localqwq.planning.plan import plan
from tests.machines import MACHINES

SHIPPED = Path(__file__).parents[2] / "models" / "catalogue"
NAMES = sorted(path.stem for path in SHIPPED.glob("*.toml"))
QWQ_BYTES = {
    "Q4_K_M": 19.851e9, "Q5_K_M": 23.262e9, "Q6_K": 26.886e9, "Q8_0": 34.821e9,
}  # fmt: skip
"""As several publishers list them."""


def entry_of(name: str) -> Entry:
    """A shipped entry."""
    return read_entry(SHIPPED / f"{name}.toml")


def write_entry(directory: Path, name: str, change: tuple[str, str]) -> None:
    """A user's entry, made from QwQ's."""
    directory.mkdir(parents=True, exist_ok=True)
    text = (SHIPPED / "qwq-32b.toml").read_text(encoding="utf-8")
    (directory / f"{name}.toml").write_text(text.replace(*change), encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_agrees_with_itself(name: str) -> None:
    """What it states follows from its own configuration; its names can be typed and found."""
    entry = entry_of(name)
    assert entry.name == name == name.lower()
    facts = list(prospects(entry))
    assert tuple(one.quant for one in facts) == entry.quants
    for one in facts:
        assert one.architecture == entry.architecture
        # Llama's table of frequencies is a tensor, which nobody counts.
        assert 0 <= one.parameters - entry.parameters <= 64
        assert one.longest_context == entry.context
        assert (one.rope_scaling == "yarn") == (entry.rope is not None)
    sizes = [one.bytes for one in facts if one.quant in entry.origins[0].quants]
    assert sizes == sorted(sizes, reverse=True)
    for origin in entry.origins:
        assert origin.repository.lower().endswith("-gguf")
        assert origin.files.lower().endswith("*.gguf")
        assert origin.matches(origin.files.replace("*", "Q4_K_M"))
        assert set(origin.quants) <= set(FILE_TYPE_NAMES.values())
    assert {origin.hub for origin in entry.origins} == {"huggingface", "modelscope"}
    known = Sampling.from_metadata({f"general.sampling.{k}": v for k, v in entry.sampling.items()})
    assert known.problem() is None
    assert {"temp", "top_p"} <= set(entry.sampling) <= {
        "temp", "top_p", "top_k", "min_p", "penalty_repeat",
    }  # fmt: skip


def test_the_catalogue_is_whole() -> None:
    """All files are entries, each base model once; thinking models come first."""
    found = catalogue.read()
    assert found.problems == ()
    assert sorted(found.entries) == NAMES
    entries = catalogue.entries()
    assert len({entry.base_model for entry in entries}) == len(entries)
    thinks = [entry.thinks for entry in entries]
    assert thinks == sorted(thinks, reverse=True)
    assert catalogue.find("QWQ-32B") == entry_of("qwq-32b")
    assert catalogue.find("DeepSeek-R1-Distill-Llama-8B") == entry_of("r1-distill-llama-8b")
    assert catalogue.find("gpt") is None


def test_qwq_has_the_published_sizes(tmp_path: Path) -> None:
    """Computed tensors and the published files differ by the vocabulary and the header alone."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(entry_of("qwq-32b").config))
    for quant, size in QWQ_BYTES.items():
        assert 0 < size - prospect(config)(quant).bytes < 7e6


@pytest.mark.parametrize(
    ("machine", "quant"),
    [
        ("RTX 4090, 64 GB", "Q4_K_M"), ("8 GB laptop, 32 GB", "Q4_K_M"), ("H200, 128 GB", "Q8_0"),
        ("Mac 64 GB", "Q8_0"), ("16 GB", "Q2_K"), ("32 GB", "Q4_K_M"), ("64 GB", "Q4_K_M"),
    ],
)  # fmt: skip
def test_the_quantization_that_suits_a_machine(machine: str, quant: str) -> None:
    """The largest that is quick, the usual one where only that fits, a small one at need."""
    plans = [plan(facts, MACHINES[machine]) for facts in prospects(entry_of("qwq-32b"))]
    found = suiting(plans)
    assert found is not None
    assert (found.facts.quant, found.fits) == (quant, True)


def test_nothing_suits_a_machine_that_is_too_small() -> None:
    """Then there is no choice."""
    plans = [
        plan(facts, MACHINES["16 GB"]) for facts in prospects(entry_of("r1-distill-llama-70b"))
    ]
    assert suiting(plans) is None


def test_people_add_entries() -> None:
    """Beside their settings or their data; theirs counts where names are the same."""
    write_entry(data_directory() / "catalogue", "mine", ('"qwq-32b"', '"mine"'))
    write_entry(config_directory() / "catalogue", "qwq-32b", ("top_k = 40", "top_k = 20"))
    found = catalogue.read().entries
    assert sorted(found) == sorted([*NAMES, "mine"])
    assert found["qwq-32b"].sampling["top_k"] == 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("format = 1", "format = 2"), "format"),
        (("thinks = true", "thinks = true\nlicence = 1"), "Extra inputs are not permitted"),
        (('"qwq-32b"', '"../x"'), "name"),
        (("parameters = 32_763_876_352", 'parameters = "many"'), "parameters"),
        (('"Qwen/QwQ-32B-GGUF"', '"Qwen/../x"'), "repository"),
        (('"huggingface"', '"ftp"'), "hub"),
        (("[config]", "[config"), "is not a catalogue entry"),
        (("thinks = true", "thinks = true\nbytes = { IQ1_S = 7 }"), "no origin has"),
    ],
)
def test_an_entry_that_is_none(change: tuple[str, str], words: str) -> None:
    """It is a sentence, and costs nobody the others."""
    write_entry(config_directory() / "catalogue", "wrong", change)
    found = catalogue.read()
    assert sorted(found.entries) == NAMES
    [problem] = found.problems
    assert "wrong.toml" in problem
    assert words in problem


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """Nobody writes a megabyte about a model."""
    path = tmp_path / "large.toml"
    path.write_text("#" * (1 << 20))
    with pytest.raises(LocalqwqError, match="too large"):
        read_entry(path)


@pytest.mark.parametrize(
    ("path", "quant"),
    [
        ("qwq-32b-q4_k_m.gguf", "Q4_K_M"),
        ("QwQ-32B-Q8_0-00001-of-00002.gguf", "Q8_0"),
        ("Q4_K_M/Model-Q4_K_M-00001-of-00003.gguf", "Q4_K_M"),
        ("Model-UD-Q4_K_XL.gguf", "UD_Q4_K_XL"),
        ("model.IQ2_XXS.gguf", "IQ2_XXS"),
        ("Qwen_QwQ-32B-Q6_K_L.gguf", "Q6_K_L"),
        ("model-fp16.gguf", "F16"),
        ("BF16/model-BF16-00001-of-00002.gguf", "BF16"),
        ("QwQ-32B.gguf", None),
        ("Q4_K_MODEL.gguf", "Q4_K_MODEL"),
        ("model.gguf", None),
    ],
)
def test_quantizations_in_names(path: str, quant: str | None) -> None:
    """As publishers write them."""
    assert quant_of(path) == quant
