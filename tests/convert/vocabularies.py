"""Tokenizers to test with: Qwen2.5's own vocabulary, and small ones in the form of other families.

Each is the content of a ``tokenizer.json``, with what belongs into ``tokenizer_config.json``.
"""

import bz2
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import Regex, models, pre_tokenizers, trainers

from localqwq_convert.tokenizer.split import LLAMA3_PATTERN, QWEN2_PATTERN
from tests.checkpoints import byte_letters, write_json

_ROOT = Path(__file__).parents[2]
_MERGES = _ROOT / "tests/data/qwen2.5-merges.txt.bz2"

_TEXT = (
    "Größe naïve cœur façon señor œuvre Москва говорит нещо на Български Ελλάδα καλημέρα "
    "我想在苹果工作 今天天气很好 人工智能 こんにちは世界 カタカナ 안녕하세요 세계 "
    "مرحبا بالعالم שלום "
    "สวัสดีชาวโลก कान नमस्ते দুনিয়া ភាសាខ្មែរ 🚀🚀 😀😀 👩‍💻 1234567 3.14159 2026 don't I'll we've "
)


@dataclass(frozen=True)
class Family:
    """A tokenizer as the checkpoints of one family have it."""

    pattern: str
    pre: str
    """llama.cpp's name."""
    special: tuple[str, ...]
    """Added tokens that are marked as special."""
    plain: tuple[str, ...]
    """Added tokens that are not."""
    bos: str | None
    """Put in front of every text, unless ``None``."""
    eos: str
    normalizer: Mapping[str, Any] | None = None
    ignore_merges: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of ``tokenizer_config.json``."""


QWEN = Family(
    pattern=QWEN2_PATTERN,
    pre="qwen2",
    special=(
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>",
        "<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>",
        "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
    ),
    plain=(
        "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
        "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>",
        "<think>", "</think>",
    ),
    bos=None,
    eos="<|im_end|>",
    normalizer={"type": "NFC"},
    settings={"pad_token": "<|endoftext|>", "add_bos_token": False},
)  # fmt: skip
LLAMA3 = Family(
    pattern=LLAMA3_PATTERN,
    pre="llama-bpe",
    special=(
        "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>",
        "<|finetune_right_pad_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
        "<|eot_id|>", "<|python_tag|>",
    ),
    plain=("<think>", "</think>"),
    bos="<|begin_of_text|>",
    eos="<|eot_id|>",
    ignore_merges=True,
)  # fmt: skip
DEEPSEEK_QWEN = Family(
    pattern=QWEN2_PATTERN,
    pre="deepseek-r1-qwen",
    special=("<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>"),
    plain=("<｜User｜>", "<｜Assistant｜>", "<|EOT|>", "<think>", "</think>"),
    bos="<｜begin▁of▁sentence｜>",
    eos="<｜end▁of▁sentence｜>",
    settings={"add_bos_token": True, "add_eos_token": False, "pad_token": "<｜end▁of▁sentence｜>"},
)
FAMILIES = {"qwen2": QWEN, "llama3": LLAMA3, "r1-qwen": DEEPSEEK_QWEN}


def qwen_model() -> dict[str, Any]:
    """Vocabulary and merges of Qwen2.5; ids follow from the bytes and the merges' order."""
    merges = bz2.decompress(_MERGES.read_bytes()).decode().splitlines()
    # Bytes that print come first, each half in its own order, as in GPT-2's vocabulary.
    vocabulary = {letter: index for index, letter in enumerate(sorted(byte_letters()))}
    for merge in merges:
        vocabulary[merge.replace(" ", "")] = len(vocabulary)
    return {"vocab": vocabulary, "merges": merges}


def cutting_model() -> dict[str, Any]:
    """A vocabulary that shows each cut: else a rare character's bytes stay alone anyway.

    A letter, a digit, a space, a mark and a line's end merge with the bytes at either end of any
    character that is not ASCII, so each cut between the two changes the tokens.
    """
    letters = byte_letters()
    neighbours = [letters[ord(letter)] for letter in "a1 !\n"]
    merges = [[near, letters[lead]] for near in neighbours for lead in range(0xC2, 0xF5)]
    merges += [[letters[last], near] for near in neighbours for last in range(0x80, 0xC0)]
    spellings = [*letters, *("".join(pair) for pair in merges)]
    return {"vocab": {token: index for index, token in enumerate(spellings)}, "merges": merges}


def trained_model(family: Family, size: int = 3000) -> dict[str, Any]:
    """Vocabulary and merges that were trained on this repository's own text.

    Where merges are ignored for whole tokens, some are taken out, so that it makes a difference.
    """
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(family.pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        initial_alphabet=byte_letters(),
        limit_alphabet=256,
    )
    sources = ["README.md", "docs/architecture.md", "localqwq/reasoning/events.py"]
    texts = [(_ROOT / source).read_text(encoding="utf-8") for source in sources]
    tokenizer.train_from_iterator([*texts, *[_TEXT] * 20], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = model["merges"]
    if family.ignore_merges:
        merges = [merge for index, merge in enumerate(merges) if index % 7 != 3]
    return {"vocab": model["vocab"], "merges": merges}


def tokenizer_document(family: Family, model: Mapping[str, Any]) -> dict[str, Any]:
    """The ``tokenizer.json`` of a family with this vocabulary."""
    start = len(model["vocab"])
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    split = {
        "type": "Split",
        "pattern": {"Regex": family.pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    added = [
        {
            "id": start + index,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": index < len(family.special),
        }
        for index, token in enumerate(family.special + family.plain)
    ]
    return {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": family.normalizer,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split, byte_level | {"use_regex": False}],
        },
        "post_processor": _post_processor(family, start),
        "decoder": byte_level | {"use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": family.ignore_merges,
            **model,
        },
    }


def _post_processor(family: Family, start: int) -> dict[str, Any]:
    byte_level = {
        "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True,
    }  # fmt: skip
    if family.bos is None:
        return byte_level
    bos = {"SpecialToken": {"id": family.bos, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    index = start + family.special.index(family.bos)
    template = {
        "type": "TemplateProcessing",
        "single": [bos, first],
        "pair": [bos, first, bos, second],
        "special_tokens": {family.bos: {"id": family.bos, "ids": [index], "tokens": [family.bos]}},
    }
    return {"type": "Sequence", "processors": [byte_level, template]}


def write_family(directory: Path, family: Family, model: Mapping[str, Any]) -> Path:
    """Write a tokenizer of this family into ``directory`` and return it."""
    write_json(directory / "tokenizer.json", tokenizer_document(family, model))
    settings = {"bos_token": family.bos, "eos_token": family.eos, **family.settings}
    write_json(directory / "tokenizer_config.json", settings)
    return directory
