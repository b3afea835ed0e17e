"""Tokenizers as GGUF wants them."""

import json
from pathlib import Path
from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.tokenizer import TokenType, read_tokenizer
from tests.checkpoints import (
    CHAT_TEMPLATE,
    MERGES,
    PLAIN_TOKENS,
    SPECIAL_TOKENS,
    VOCABULARY,
    write_json,
    write_tokenizer,
)

TOKENS = 256 + len(SPECIAL_TOKENS) + len(PLAIN_TOKENS) + len(MERGES)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a tokenizer."""
    write_tokenizer(tmp_path)
    return tmp_path


def edit(path: Path, **changes: Any) -> None:
    """Change top-level keys of a JSON file; ``None`` removes."""
    value = json.loads(path.read_text(encoding="utf-8")) | changes
    write_json(path, {key: item for key, item in value.items() if item is not None})


def test_tokens_types_and_padding(directory: Path) -> None:
    """Every id has its token, its kind, and the rest of the vocabulary is padded."""
    tokenizer = read_tokenizer(directory, {}, VOCABULARY)
    assert tokenizer.pre == "qwen2"
    assert len(tokenizer.tokens) == len(tokenizer.types) == VOCABULARY
    assert tokenizer.tokens[ord("a")] == "a"
    assert tokenizer.tokens[256:259] == list(SPECIAL_TOKENS)
    assert tokenizer.types[258] is TokenType.CONTROL
    assert tokenizer.types[tokenizer.tokens.index("<think>")] is TokenType.USER_DEFINED
    assert tokenizer.types[tokenizer.tokens.index("hello")] is TokenType.NORMAL
    assert tokenizer.tokens[TOKENS:] == [f"[PAD{index}]" for index in range(TOKENS, VOCABULARY)]
    assert set(tokenizer.types[TOKENS:]) == {TokenType.UNUSED}


def test_tokens_that_look_special_are(directory: Path) -> None:
    """`<|fim_prefix|>` and its kind are control tokens even where they are not marked."""
    added = [{"id": 256, "content": "<|file_sep|>", "special": False}]
    edit(directory / "tokenizer.json", added_tokens=added)
    assert read_tokenizer(directory, {}, VOCABULARY).types[256] is TokenType.CONTROL


def test_both_spellings_of_merges(directory: Path) -> None:
    """Strings and pairs are the same merges; a space within a part is kept apart."""
    plain = read_tokenizer(directory, {}, VOCABULARY).merges
    write_tokenizer(directory, pair_merges=True)
    assert read_tokenizer(directory, {}, VOCABULARY).merges == plain
    model = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    edit(directory / "tokenizer.json", model=model | {"merges": [["a b", "c"]]})
    assert read_tokenizer(directory, {}, VOCABULARY).merges == ["aĠb c"]


def test_special_ids(directory: Path) -> None:
    """The tokenizer's settings come first, the model's fill the gaps."""
    config = {"bos_token_id": 256, "eos_token_id": 0, "unk_token_id": VOCABULARY}
    tokenizer = read_tokenizer(directory, config, VOCABULARY)
    assert tokenizer.special == {"eos": 258, "pad": 256, "bos": 256}
    assert tokenizer.added == {"bos": False}


def test_the_three_places_of_a_chat_template(directory: Path) -> None:
    """Settings, then the .jinja file, then the .json file; one of several by its name."""

    def template() -> str | None:
        return read_tokenizer(directory, {}, VOCABULARY).chat_template

    settings = directory / "tokenizer_config.json"
    assert template() == CHAT_TEMPLATE
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    edit(settings, chat_template=named)
    assert template() == "d"
    edit(settings, chat_template=None)
    assert template() is None
    write_json(directory / "chat_template.json", {"chat_template": "from json"})
    assert template() == "from json"
    (directory / "chat_template.jinja").write_text("from jinja")
    assert template() == "from jinja"


def test_an_unknown_pre_tokenizer_is_refused(directory: Path) -> None:
    """Text split differently would be tokenized wrongly without a word."""
    split = {"type": "Split", "pattern": {"Regex": r"\s+"}}
    for step in (None, split, {"type": "Sequence", "pretokenizers": [split]}):
        document = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
        write_json(directory / "tokenizer.json", document | {"pre_tokenizer": step})
        with pytest.raises(LocalqwqError, match="can be converted are qwen2"):
            read_tokenizer(directory, {}, VOCABULARY)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"type": "Unigram"}}, "no byte-level BPE"),
        ({"model": {"type": "BPE"}}, "no vocabulary"),
        ({"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}}, "two tokens"),
        ({"model": {"type": "BPE", "vocab": {"a": 9999}, "merges": []}}, "do not fit"),
        ({"model": {"type": "BPE", "vocab": {"a": "0"}, "merges": []}}, "do not fit"),
        ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [1]}}, "damaged merges"),
        ({"model": {"type": "BPE", "vocab": {"a": 0}}}, "damaged merges"),
        ({"added_tokens": [1]}, "damaged added_tokens"),
    ],
    ids=str,
)
def test_damaged_tokenizers(directory: Path, changes: dict[str, Any], words: str) -> None:
    """Each kind of damage has its sentence."""
    edit(directory / "tokenizer.json", **changes)
    with pytest.raises(LocalqwqError, match=words):
        read_tokenizer(directory, {}, VOCABULARY)


def test_a_missing_tokenizer(tmp_path: Path) -> None:
    """The file that is needed is named."""
    with pytest.raises(LocalqwqError, match=r"has no tokenizer\.json"):
        read_tokenizer(tmp_path, {}, VOCABULARY)
