"""The files of a tokenizer: ``tokenizer.json``, or the older pair it replaces."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.git_lfs import check_content
from localqwq_convert.json_file import MAX_BYTES, optional_object, read_object
from localqwq_convert.notes import Note
from localqwq_convert.tokenizer.split import QWEN2_PATTERN

_CLASSES = ("Qwen2Tokenizer", "Qwen2TokenizerFast")
"""Tokenizers that a vocabulary and merges describe completely."""
_MODELS = ("qwen2", "qwen3")
"""Models that use such a tokenizer if nothing else is stated."""
_ROLES = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)


def read_document(
    directory: Path, settings: Mapping[str, Any], config: Mapping[str, Any], note: Note
) -> tuple[Path, dict[str, Any]]:
    """Return the content of a ``tokenizer.json``, and the file it comes from.

    Args:
        directory: the checkpoint's directory.
        settings: content of its ``tokenizer_config.json``.
        config: content of its ``config.json``.
        note: told if the file is missing and others are read instead.

    Raises:
        LocalqwqError: no readable file; the sentence says which there are.
    """
    path = directory / "tokenizer.json"
    if path.is_file():
        return path, read_object(path)
    vocabulary, merges = directory / "vocab.json", directory / "merges.txt"
    if vocabulary.is_file() and merges.is_file():
        _check_class(directory, settings, config)
        note(f"{directory} has no tokenizer.json: {vocabulary.name} and {merges.name} are read.")
        return vocabulary, _document(directory, read_object(vocabulary), _merges(merges), settings)
    if (directory / "tokenizer.model").is_file():
        raise LocalqwqError(
            f"{directory} has a SentencePiece tokenizer (tokenizer.model) and no tokenizer.json, "
            "and byte-level BPE is the only kind that can be converted: use llama.cpp's "
            "convert_hf_to_gguf.py for this model."
        )
    raise LocalqwqError(
        f"{directory} has no tokenizer.json: copy the tokenizer's files from the model that this "
        "one was made from."
    )


def _check_class(directory: Path, settings: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Check that the pair of files is enough: neither says how text is split."""
    kind = settings.get("tokenizer_class")
    if kind in _CLASSES or (kind is None and config.get("model_type") in _MODELS):
        return
    raise LocalqwqError(
        f"{directory} has no tokenizer.json, and its vocab.json and merges.txt do not say how a "
        f"{ascii(kind)[:40]} cuts text: save the tokenizer again with Transformers, which writes "
        "tokenizer.json."
    )


def _merges(path: Path) -> list[list[str]]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        check_content(path, content)
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LocalqwqError(f"Cannot read {path}: download it again.") from error
    if lines and lines[0].startswith("#version:"):
        del lines[0]
    return [line.split() for line in lines if line.strip()]


def _document(
    directory: Path,
    vocabulary: dict[str, Any],
    merges: list[list[str]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the ``tokenizer.json`` that Transformers would write for a Qwen2 tokenizer."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": QWEN2_PATTERN}, "behavior": "Isolated"}
    return {
        "added_tokens": _added(directory, settings),
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }


def _added(directory: Path, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tokens of ``added_tokens.json``, unless the settings list them in full."""
    if settings.get("added_tokens_decoder"):
        return []
    ids = optional_object(directory / "added_tokens.json")
    named = {**optional_object(directory / "special_tokens_map.json"), **settings}
    further = named.get("additional_special_tokens")
    special = {_content(named.get(role)) for role in _ROLES}
    special |= {_content(token) for token in further} if isinstance(further, list) else set()
    try:
        ordered = sorted(ids, key=lambda token: int(ids[token]))
    except (TypeError, ValueError, OverflowError) as error:
        raise LocalqwqError(
            f"{directory / 'added_tokens.json'} has ids that are not whole numbers: download it "
            "again."
        ) from error
    return [{"id": ids[token], "content": token, "special": token in special} for token in ordered]


def _content(token: Any) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None
