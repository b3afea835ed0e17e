"""Builds the demo's byte-level BPE: merges only for the words of the templates.

Every merge chain of a word grows from its first character, so a chain never starts inside
another word. A word outside the templates keeps at most a known beginning and is single letters
after it: what the model must spell stays spelled.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tokenizers import Regex, pre_tokenizers

from .data import conversations
from .render import whole_text

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKERS = (
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
# Words JSON and the template have without a space before them. Their chains grow from a pair of
# letters that is rare in other words.
_BARE = {
    "calculator": "lc",
    "expression": "xp",
    "arguments": "rg",
    "function": "nc",
    "description": "pt",
    "parameters": "rs",
    "properties": "rt",
    "required": "qu",
    "string": "ng",
    "object": "bj",
    "assistant": "nt",
}


def byte_letters() -> dict[int, str]:
    """GPT-2's visible letter for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in plain}
    others = (byte for byte in range(256) if byte not in letters)
    letters |= {byte: chr(256 + index) for index, byte in enumerate(others)}
    return letters


def _spell(text: str) -> list[str]:
    letters = byte_letters()
    return ["".join(letters[byte] for byte in char.encode()) for char in text]


def _frequent_pieces(documents: int, words: int) -> list[str]:
    counts: Counter[str] = Counter()
    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    for conversation in itertools.islice(conversations(seed=0), documents):
        text = whole_text(conversation)
        for token in SPECIAL + MARKERS:
            text = text.replace(token, "\n")
        counts.update(piece for piece, _ in split.pre_tokenize_str(text))
    pieces = [
        piece
        for piece, count in counts.most_common()
        if count >= 5 and len(piece) > 1 and (piece[0].isupper() or not piece[0].isalpha())
    ]
    # A quote or bracket before letters would start chains inside words to be spelled.
    return [p for p in pieces if p[0] not in '"(' or not p[1].isalpha()][:words]


def merges(documents: int = 6000, words: int = 260) -> list[tuple[str, str]]:
    """The merges in order: umlauts, the chains of frequent words, the bare words."""
    found: dict[tuple[str, str], None] = {}
    for char in "äöüßÄÖÜ×→":
        units = [byte_letters()[byte] for byte in char.encode()]
        for end in range(1, len(units)):
            found["".join(units[:end]), units[end]] = None
    for piece in _frequent_pieces(documents, words):
        units = _spell(piece)
        for end in range(1, len(units)):
            found["".join(units[:end]), units[end]] = None
    for letter in "abcdefghijklmnopqrstuvwxyzäöüß":
        found["Ġ", "".join(_spell(letter))] = None
    for word, seed in _BARE.items():
        start = word.index(seed)
        found[seed[0], seed[1]] = None
        for end in range(start + 2, len(word)):
            found[word[start:end], word[end]] = None
        for begin in range(start, 0, -1):
            found[word[begin - 1], word[begin:]] = None
    return list(found)


def _added(first: int) -> list[dict[str, Any]]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": first + index, "content": token, **flags, "special": token in SPECIAL}
        for index, token in enumerate(SPECIAL + MARKERS)
    ]


def _byte_level() -> dict[str, Any]:
    flags = {"add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {"type": "ByteLevel", **flags}


def tokenizer_json(rules: list[tuple[str, str]]) -> dict[str, Any]:
    """`tokenizer.json` in the shape of Qwen2's."""
    vocabulary = dict.fromkeys(byte_letters().values())
    vocabulary |= dict.fromkeys(left + right for left, right in rules)
    split = {
        "type": "Split",
        "pattern": {"Regex": PATTERN},
        "behavior": "Isolated",
        "invert": False,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(len(vocabulary)),
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, _byte_level()]},
        "post_processor": _byte_level(),
        "decoder": _byte_level(),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: index for index, token in enumerate(vocabulary)},
            "merges": [f"{left} {right}" for left, right in rules],
        },
    }


def write(folder: Path) -> None:
    """Write `tokenizer.json`, and bring the ids and sizes in the files beside it up to date."""
    tokenizer = tokenizer_json(merges())
    added = tokenizer["added_tokens"]
    ids = {token["content"]: token["id"] for token in added}
    text, end = ids["<|endoftext|>"], ids["<|im_end|>"]
    _save(folder / "tokenizer.json", tokenizer)
    described = {
        str(token["id"]): {key: value for key, value in token.items() if key != "id"}
        for token in added
    }
    _update(folder / "tokenizer_config.json", {"added_tokens_decoder": described})
    size = len(tokenizer["model"]["vocab"]) + len(added)
    _update(folder / "config.json", {"bos_token_id": text, "eos_token_id": end, "vocab_size": size})
    _update(
        folder / "generation_config.json",
        {"bos_token_id": text, "pad_token_id": text, "eos_token_id": [end, text]},
    )


def _update(path: Path, changes: dict[str, Any]) -> None:
    _save(path, json.loads(path.read_text("utf-8")) | changes)


def _save(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(__file__).parent)
