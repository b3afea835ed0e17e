"""Model cards are read as far as they can be, and never stop a conversion."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from localqwq_convert.hub.model_id import ModelId, parse_model_id, size_in_name
from localqwq_convert.model_card import ModelCard, read_model_card

HUB = "https://huggingface.co/"


def card(directory: Path, text: str) -> ModelCard:
    """The card with this text."""
    (directory / "README.md").write_text(text, encoding="utf-8")
    return read_model_card(directory)


def test_without_a_card(tmp_path: Path) -> None:
    """There need not be one."""
    assert read_model_card(tmp_path) == ModelCard()


def test_only_the_front_matter_counts(tmp_path: Path) -> None:
    """What stands below is for people."""
    found = card(tmp_path, "---\nlicense: apache-2.0\n---\n# Model\nlicense_name: mit\n")
    assert found == ModelCard(license="apache-2.0")
    assert card(tmp_path, "# Model\nlicense: mit\n") == ModelCard()
    assert card(tmp_path, "---\nlicense: mit\n") == ModelCard()


def test_one_or_several(tmp_path: Path) -> None:
    """Most keys take a text or a list of them."""
    found = card(
        tmp_path,
        "---\nlicense:\n- mit\n- apache-2.0\nlanguage: en\nlanguages: [de]\n"
        "base_model:\n- a/B-7b\n- c/D\npipeline_tag: text-generation\n---\n",
    )
    assert found.license == "mit,apache-2.0"
    assert found.languages == ("de", "en")
    assert found.tags == ("text-generation",)
    assert [model.name for model in found.base_models] == ["B 7b", "D"]


def test_norway_is_no_falsehood(tmp_path: Path) -> None:
    """YAML reads its code as false; tabs are no YAML at all."""
    assert card(tmp_path, "---\nlanguage:\n- en\n- no\n---\n").languages == ("en", "no")
    assert card(tmp_path, "---\ntags:\n-\tchat\n---\n").tags == ("chat",)


@pytest.mark.parametrize(
    "block",
    [
        "license: [mit",
        "- mit",
        "license: 3",
        "license: {a: b}",
        "base_model: [[a], 1, null]",
        "license: 2020-99-99",
        "license: " + "[" * 20000,
        "license: !!python/object/apply:os.system [echo]",
        "license: " + "x" * 70000,
    ],
    ids=lambda block: block[:20],
)
def test_damaged_cards(tmp_path: Path, block: str) -> None:
    """Whatever makes no sense is left out."""
    assert card(tmp_path, f"---\n{block}\n---\n") == ModelCard()


@given(text=st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_front_matter(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No text raises."""
    card(tmp_path_factory.getbasetemp(), f"---\n{text}\n---\n")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Qwen/Qwen2.5-32B", ("Qwen2.5 32B", "Qwen", None, HUB + "Qwen/Qwen2.5-32B")),
        ("foo/bar-chat-v2", ("Bar Chat v2", "Foo", "v2", HUB + "foo/bar-chat-v2")),
        ("meta-llama/Llama-3.1-8B", ("Llama 3.1 8B", "Meta Llama", None, ...)),
        ("Foo-2", ("Foo 2", None, "2", None)),
        ("bar-small-24B-2", ("Bar Small 24B 2", None, "2", None)),
        ("A Title", ("A Title", None, None, None)),
        ("./x", ("X", None, None, None)),
        (HUB + "a/b", ("B", "A", None, HUB + "a/b")),
        ("https://example.com/a/b", (None, None, None, "https://example.com/a/b")),
    ],
)  # fmt: skip
def test_names_of_models(text: str, parts: tuple[object, ...]) -> None:
    """Taken apart as llama.cpp's converter does it."""
    link = HUB + text if parts[3] is ... else parts[3]
    found = parse_model_id(text)
    assert (found.name, found.organization, found.version, found.link) == (*parts[:3], link)


@given(text=st.text(max_size=60))
@example(text="-/")
def test_any_name_of_a_model(text: str) -> None:
    """No text raises, and no empty part comes out."""
    found = parse_model_id(text)
    assert isinstance(found, ModelId)
    assert "" not in (found.name, found.organization, found.version)


@given(st.text("0123456789.kmbtKMBT-x", max_size=30), st.integers(1, 10**13))
def test_any_size_in_a_name(name: str, parameters: int) -> None:
    """No name raises, and what is found stands in the name."""
    label = size_in_name(name, parameters)
    assert label is None or all(part in name.upper() for part in label.split("-"))
