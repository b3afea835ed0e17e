"""A checkpoint's byte-level BPE tokenizer, as GGUF stores it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.json_file import optional_object, read_object

QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PRE_TOKENIZERS = {QWEN2_PATTERN: "qwen2"}
"""llama.cpp's name of a pre-tokenizer, by the pattern that splits text before BPE."""

_SPECIAL = ("bos", "eos", "unk", "sep", "pad", "mask")
"""Roles of special tokens, in the order that llama.cpp's converter looks for them."""
_ADDABLE = ("bos", "eos", "sep")
"""Roles whose token a tokenizer may put around every text."""


class TokenType(IntEnum):
    """llama.cpp's kinds of tokens."""

    NORMAL = 1
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Everything about a tokenizer that a GGUF holds."""

    pre: str
    """llama.cpp's name of the pre-tokenizer."""
    tokens: list[str]
    """Spelling by id; as many as the model's vocabulary has rows."""
    types: list[TokenType]
    merges: list[str]
    special: dict[str, int]
    """Id by role, such as ``eos``."""
    added: dict[str, bool]
    """Whether a role's token is put around every text by itself."""
    chat_template: str | None


def read_tokenizer(directory: Path, config: Mapping[str, Any], vocabulary: int) -> Tokenizer:
    """The tokenizer of the checkpoint in ``directory``, padded to ``vocabulary`` tokens.

    Raises:
        LocalqwqError: a missing or damaged file, or a kind of tokenizer that is not known.
    """
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise LocalqwqError(f"{directory} has no tokenizer.json: download the whole checkpoint.")
    document = read_object(path)
    settings = optional_object(directory / "tokenizer_config.json")
    model = document.get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE" or model.get("byte_fallback"):
        raise LocalqwqError(f"{path} is no byte-level BPE, the only kind that can be converted.")
    added = _added_tokens(path, document)
    tokens, types = _vocabulary(path, model, added, vocabulary)
    ids = {token["content"]: token["id"] for token in reversed(added)}
    return Tokenizer(
        pre=_pre_tokenizer(path, document),
        tokens=tokens,
        types=types,
        merges=_merges(path, model),
        special=_special_ids(settings, config, ids, vocabulary),
        added={
            role: value
            for role in _ADDABLE
            if isinstance(value := settings.get(f"add_{role}_token"), bool)
        },
        chat_template=_chat_template(directory, settings),
    )


def _pre_tokenizer(path: Path, document: Mapping[str, Any]) -> str:
    step = document.get("pre_tokenizer")
    steps = step.get("pretokenizers", [step]) if isinstance(step, dict) else []
    byte_level = any(isinstance(s, dict) and s.get("type") == "ByteLevel" for s in steps)
    for split in steps:
        match split:
            case {"type": "Split", "pattern": {"Regex": str(pattern)}} if byte_level:
                if pattern in PRE_TOKENIZERS:
                    return PRE_TOKENIZERS[pattern]
            case _:
                continue
    raise LocalqwqError(
        f"{path} splits text in a way that is not known: the pre-tokenizers that can be converted "
        f"are {', '.join(PRE_TOKENIZERS.values())}."
    )


def _added_tokens(path: Path, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    added = document.get("added_tokens") or []
    if not isinstance(added, list) or not all(
        isinstance(token, dict)
        and isinstance(token.get("content"), str)
        and type(token.get("id")) is int
        for token in added
    ):
        raise LocalqwqError(f"{path} has damaged added_tokens: download it again.")
    return added


def _vocabulary(
    path: Path, model: Mapping[str, Any], added: list[dict[str, Any]], size: int
) -> tuple[list[str], list[TokenType]]:
    vocab = model.get("vocab")
    if not isinstance(vocab, dict) or not vocab:
        raise LocalqwqError(f"{path} has no vocabulary: download it again.")
    tokens: list[str | None] = [None] * size
    types = [TokenType.UNUSED] * size

    def place(token: str, index: Any, kind: TokenType) -> None:
        if type(index) is not int or not 0 <= index < size:
            raise LocalqwqError(
                f"{path} gives the token {ascii(token)[:60]} the id {ascii(index)[:40]}, and the "
                f"model's config.json says that there are {size:,} tokens: the files do not fit."
            )
        if tokens[index] not in (None, token):
            raise LocalqwqError(f"{path} has two tokens of the id {index}: download it again.")
        tokens[index], types[index] = token, kind

    for token, index in vocab.items():
        place(token, index, TokenType.NORMAL)
    for entry in added:
        special = entry.get("special") is True or _looks_special(entry["content"])
        kind = TokenType.CONTROL if special else TokenType.USER_DEFINED
        place(entry["content"], entry["id"], kind)
    return [f"[PAD{i}]" if token is None else token for i, token in enumerate(tokens)], types


def _looks_special(token: str) -> bool:
    """Whether llama.cpp's converter takes an added token for a control token by its spelling."""
    return (token.startswith("<|") and token.endswith("|>")) or token in ("<pad>", "<mask>")


def _merges(path: Path, model: Mapping[str, Any]) -> list[str]:
    """The merges as ``left right``, whichever of its two spellings the file has."""
    merges = model.get("merges")
    if isinstance(merges, list):
        if all(isinstance(merge, str) for merge in merges):
            return merges
        if all(_is_pair(merge) for merge in merges):
            # A space inside of a part is written as its byte-level letter, as llama.cpp reads it.
            return [" ".join(part.replace(" ", "\u0120") for part in merge) for merge in merges]
    raise LocalqwqError(f"{path} has damaged merges: download it again.")


def _is_pair(merge: Any) -> bool:
    return (
        isinstance(merge, list) and len(merge) == 2 and all(isinstance(part, str) for part in merge)
    )


def _special_ids(
    settings: Mapping[str, Any],
    config: Mapping[str, Any],
    ids: Mapping[str, int],
    size: int,
) -> dict[str, int]:
    """Ids by role: those that the tokenizer's settings name, then those only the model's do."""
    special: dict[str, int] = {}
    for role in _SPECIAL:
        token = settings.get(f"{role}_token")
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str) and content in ids:
            special[role] = ids[content]
    for role in _SPECIAL:
        index = config.get(f"{role}_token_id")
        if type(index) is int and 0 <= index < size:
            special.setdefault(role, index)
    return special


def _chat_template(directory: Path, settings: Mapping[str, Any]) -> str | None:
    """The chat template, from the first of the three places where checkpoints keep it."""
    template = settings.get("chat_template")
    jinja = directory / "chat_template.jinja"
    if template is None and jinja.is_file():
        try:
            template = jinja.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LocalqwqError(f"Cannot read {jinja}: download it again.") from error
    if template is None:
        template = optional_object(directory / "chat_template.json").get("chat_template")
    if isinstance(template, list):
        named = {choice.get("name"): choice.get("template") for choice in template}
        template = named.get("default")
    return template if isinstance(template, str) else None
