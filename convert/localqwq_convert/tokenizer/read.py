"""A checkpoint's byte-level BPE tokenizer in GGUF's form."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.json_file import optional_object
from localqwq_convert.notes import Note, silent
from localqwq_convert.tokenizer.files import read_document
from localqwq_convert.tokenizer.special import special_tokens
from localqwq_convert.tokenizer.split import read_pre_tokenizer
from localqwq_convert.tokenizer.template import DEFAULT, read_chat_templates
from localqwq_convert.tokenizer.vocabulary import (
    TokenType,
    read_added_tokens,
    read_merges,
    read_vocabulary,
)

__all__ = ["TokenType", "Tokenizer", "read_tokenizer"]


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Everything about a tokenizer in a GGUF."""

    pre: str
    """llama.cpp's name of the pre-tokenizer."""
    tokens: list[str]
    """Spellings by id; as many as the embedding has rows."""
    types: list[TokenType]
    merges: list[str]
    special: dict[str, int]
    """Id by role, such as ``eos``."""
    added: dict[str, bool]
    """Whether a role's token is added to every text."""
    chat_template: str | None
    named_templates: dict[str, str]
    """Further chat templates, such as one for ``tool_use``."""


def read_tokenizer(
    directory: Path,
    config: Mapping[str, Any],
    generation_config: Mapping[str, Any],
    vocabulary: int,
    note: Note = silent,
) -> Tokenizer:
    """Return the tokenizer of the checkpoint in ``directory``.

    llama.cpp tokenizes with it like the ``tokenizers`` library, with two exceptions: it does not
    normalize text to NFC, and its table of letters and digits is older.

    Args:
        directory: the checkpoint's directory.
        config: content of its ``config.json``.
        generation_config: content of its ``generation_config.json``; empty if missing.
        vocabulary: rows of the embedding, up to which tokens are padded.
        note: told about anything unusual.

    Raises:
        LocalqwqError: a missing or damaged file, or an unknown kind of tokenizer.
    """
    settings = optional_object(directory / "tokenizer_config.json")
    path, document = read_document(directory, settings, config, note)
    model = _byte_level_bpe(path, document)
    pre_tokenizer = read_pre_tokenizer(path, document)
    added_tokens = read_added_tokens(path, document, settings)
    tokens, types = read_vocabulary(path, model["vocab"], added_tokens, vocabulary)
    special, added = special_tokens(path, document, settings, config, generation_config, tokens)
    if pre_tokenizer.adds_bos:
        added.setdefault("bos", False)
    templates = read_chat_templates(directory, settings, note)
    return Tokenizer(
        pre=pre_tokenizer.name_with_bos if added.get("bos") else pre_tokenizer.name,
        tokens=tokens,
        types=types,
        merges=read_merges(path, model),
        special=special,
        added=added,
        chat_template=templates.pop(DEFAULT, None),
        named_templates=templates,
    )


def _byte_level_bpe(path: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    model = document.get("model")
    if (
        not isinstance(model, dict)
        or model.get("type", "BPE") != "BPE"
        or any(
            model.get(key)
            for key in (
                "byte_fallback",
                "dropout",
                "continuing_subword_prefix",
                "end_of_word_suffix",
            )
        )
    ):
        raise LocalqwqError(f"{path} is not a byte-level BPE, the only kind that can be converted.")
    if not isinstance(model.get("vocab"), dict) or not model["vocab"]:
        raise LocalqwqError(f"{path} has no vocabulary: download it again.")
    return model
