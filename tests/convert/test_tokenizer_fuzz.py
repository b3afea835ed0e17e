"""Damaged tokenizers: a clear error or a right result, and llama.cpp survives every one of them."""

import copy
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from localqwq.errors import LocalqwqError
from localqwq_convert.tokenizer.read import Tokenizer, read_tokenizer
from tests.checkpoints import VOCABULARY, write_json, write_tokenizer
from tests.convert.llama_vocab import llama_vocabulary, write_vocabulary
from tests.convert.vocabularies import LLAMA3, cutting_model, write_family

ROUNDS = 500
"""Of each seed."""

FILES = ("tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json")

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 11, 257, 258, 287, 10**18, -(10**18), 1e308, 0.5, "", " ", "a",
    "hello", "he", "\0", "a\0", "\ud800", "Ġ", "[PAD280]", "<|im_end|>", "</s>", "x" * 5000,
    [], {}, [[]], [None], ["a", "b"], ["a b"], [1, 2, 3], [258, 9, 10, 11], {"a": 1},
    {"content": "a", "id": 3}, {"type": "Sequence"}, {"SpecialToken": {"id": "a"}},
    "BPE", "ByteLevel", "NFC", "Sequence",
)  # fmt: skip

TEXTS = ("hello world", "Ünï 123  \n\n don't", "<|im_start|>he <think>", "a<|python_tag|> [PAD280]")
"""Without ends of text, which llama.cpp recognises even where the tokenizer does not."""


def mutated(value: Any, chance: random.Random) -> Any:
    """A copy of a document with one place in it changed."""
    value = copy.deepcopy(value)
    place = value
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = chance.choice(keys)
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.25:
            change(place, key, chance)
            break
        place = inner
    return value


def change(place: Any, key: Any, chance: random.Random) -> None:
    """Replace, remove, repeat or swap one element of a list or an object."""
    other = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
    match chance.randrange(6):
        case 0:
            del place[key]
        case 1:
            place[key], place[other] = place[other], place[key]
        case 2:
            place[key] = copy.deepcopy(place[other])
        case 3 if isinstance(place, dict):
            place[str(chance.choice(HOSTILE))] = place.pop(key)
        case 3:
            place.insert(key, copy.deepcopy(place[other]))
        case _:
            place[key] = copy.deepcopy(chance.choice(HOSTILE))


def check_right(directory: Path, tokenizer: Tokenizer) -> None:
    """What was accepted loads, and tokenizes as ``tokenizers`` does where that takes it too."""
    with llama_vocabulary(write_vocabulary(directory / "v.gguf", tokenizer)) as vocabulary:
        assert len(vocabulary) == len(tokenizer.tokens)
        found = [vocabulary.tokenize(text) for text in TEXTS]
        for text in TEXTS:
            vocabulary.tokenize(text, special=False, around=True)
    try:
        theirs = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception:
        return
    assert found == [theirs.encode(text, add_special_tokens=False).ids for text in TEXTS]


def documents(directory: Path) -> dict[str, Any]:
    """The content of the files that a tokenizer is read from."""
    contents = {
        name: json.loads((directory / name).read_text(encoding="utf-8")) for name in FILES[:2]
    }
    config = {"vocab_size": VOCABULARY, "bos_token_id": 256, "eos_token_id": [258, 256]}
    return {**contents, "config.json": config, "generation_config.json": dict(config)}


def read(directory: Path, contents: Mapping[str, Any], size: int) -> Tokenizer | None:
    """The tokenizer of these documents; ``None`` where it was refused."""
    for name in FILES[:2]:
        text = json.dumps(contents[name])
        (directory / name).write_text(text, encoding="utf-8")
    configs = [value if isinstance(value := contents[name], dict) else {} for name in FILES[2:]]
    try:
        return read_tokenizer(directory, configs[0], configs[1], size)
    except LocalqwqError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
        return None


@pytest.mark.parametrize("seed", range(3))
def test_mutations(tmp_path: Path, seed: int) -> None:
    """Values of other kinds, missing, repeated and exchanged ones, one to three at a time."""
    chance = random.Random(seed)
    size = 1024
    if seed == 2:
        write_family(tmp_path, LLAMA3, cutting_model())
    else:
        write_tokenizer(tmp_path, pair_merges=seed == 1)
        size = VOCABULARY
    original = documents(tmp_path)
    accepted = 0
    for _ in range(ROUNDS):
        contents = dict(original)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            name = chance.choice(FILES)
            contents[name] = mutated(contents[name], chance)
        tokenizer = read(tmp_path, contents, chance.choice((size,) * 30 + (1, 1 << 24)))
        if tokenizer is not None:
            accepted += 1
            if accepted % 12 == 0:
                check_right(tmp_path, tokenizer)
    assert ROUNDS // 10 < accepted < ROUNDS  # both ends are reached


def test_damaged_bytes(tmp_path: Path) -> None:
    """Bytes that are cut off, changed or put in."""
    chance = random.Random(7)
    write_tokenizer(tmp_path)
    original = (tmp_path / "tokenizer.json").read_bytes()
    for _ in range(ROUNDS):
        data = bytearray(original)
        start = chance.randrange(len(data))
        data[start : start + chance.choice((1, 1, 1, 2, 50, 10**6))] = chance.randbytes(
            chance.choice((0, 1, 1, 2, 9))
        )
        (tmp_path / "tokenizer.json").write_bytes(data)
        try:
            read_tokenizer(tmp_path, {}, {}, VOCABULARY)
        except LocalqwqError as error:
            assert str(error)


@pytest.mark.parametrize("name", ["normalizer", "pre_tokenizer", "post_processor", "added_tokens"])
@pytest.mark.parametrize("depth", [100, 400, 100_000])
def test_deep_nesting(tmp_path: Path, name: str, depth: int) -> None:
    """However deep, it is refused by a sentence or understood."""
    key = {"pre_tokenizer": "pretokenizers", "post_processor": "processors"}.get(name, name + "s")
    write_tokenizer(tmp_path)
    document = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    document[name] = "HERE"
    deep = f'{{"type": "Sequence", "{key}": [' * depth + "]}" * depth
    text = json.dumps(document).replace('"HERE"', deep)
    (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
    try:
        read_tokenizer(tmp_path, {}, {}, VOCABULARY)
    except LocalqwqError as error:
        assert "tokenizer.json" in str(error)


def test_wide_lists(tmp_path: Path) -> None:
    """Many steps take no more than time in proportion."""
    write_tokenizer(tmp_path)
    document = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    document["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 200_000}
    write_json(tmp_path / "tokenizer.json", document)
    assert read_tokenizer(tmp_path, {}, {}, VOCABULARY).pre == "qwen2"
