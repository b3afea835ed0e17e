"""The tokens and merges of a ``tokenizer.json``, in the form that llama.cpp loads.

llama.cpp ends the process if a vocabulary has a duplicate spelling, and truncates spellings at a
zero byte, so both are rejected here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError

_NO_TEXT = re.compile("[\0\ud800-\udfff]")

MAX_TOKENS = 1 << 20
"""Four times the largest vocabulary in use, so that a damaged number cannot fill the memory."""


class TokenType(IntEnum):
    """llama.cpp's kinds of tokens (``llama_token_type``)."""

    NORMAL = 1
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token that is split off text before everything else."""

    content: str
    id: int
    special: bool


def read_added_tokens(
    path: Path, document: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[AddedToken]:
    """Return the added tokens of ``tokenizer.json``, then those only in the settings.

    Args:
        path: names the file in errors.
        document: content of ``tokenizer.json``.
        settings: content of ``tokenizer_config.json``.

    Raises:
        LocalqwqError: they are damaged, or match text in a way that llama.cpp cannot.
    """
    entries = document.get("added_tokens") or []
    if not isinstance(entries, list):
        raise LocalqwqError(f"{path} has damaged added_tokens: download it again.")
    added = [_added_token(path, entry, entry) for entry in entries]
    known = {token.id for token in added}
    further = settings.get("added_tokens_decoder") or {}
    # Ids are ASCII digits there; int() alone would accept more than that, and any length.
    if not isinstance(further, dict) or not all(
        index.isascii() and index.isdigit() and len(index) < 10 for index in further
    ):
        raise LocalqwqError(
            f"{path.with_name('tokenizer_config.json')} has a damaged added_tokens_decoder: "
            "download it again."
        )
    added += [
        _added_token(path, further[index], {"id": int(index)})
        for index in sorted(further, key=int)
        if int(index) not in known
    ]
    return added


def _check_numbering(path: Path, added: Sequence[AddedToken], vocab: Mapping[str, Any]) -> None:
    # The tokenizers library ignores the ids in the file and continues counting from the vocabulary,
    # so a file with other ids does not match the training.
    following = len(vocab)
    for token in added:
        expected = vocab.get(token.content, following)
        if token.id != expected:
            raise LocalqwqError(
                f"{path} gives the added token {ascii(token.content)[:60]} the id {token.id}, "
                f"and the tokenizers library would give it {ascii(expected)[:40]}: put the added "
                "tokens in the order of their ids, without gaps."
            )
        following = max(following, token.id + 1)


def _added_token(path: Path, entry: Any, origin: Any) -> AddedToken:
    match entry, origin:
        case {"content": str(content)}, {"id": int(index)} if type(index) is int:
            for flag in ("lstrip", "rstrip", "single_word"):
                if entry.get(flag) is True:
                    raise LocalqwqError(
                        f"{path} has the token {ascii(content)[:60]} with {flag}, which llama.cpp "
                        "cannot do: if your texts do not need it, set it to false there."
                    )
            return AddedToken(content, index, entry.get("special") is True)
    raise LocalqwqError(f"{path} has damaged added_tokens: download it again.")


def read_vocabulary(
    path: Path, vocab: Mapping[str, Any], added: Sequence[AddedToken], size: int
) -> tuple[list[str], list[TokenType]]:
    """Return spelling and type of each token by id, padded to ``size`` like llama.cpp's converter.

    Args:
        path: names the file in errors.
        vocab: ids by spelling, of the ``model`` in ``tokenizer.json``.
        added: the added tokens.
        size: rows of the model's embedding.

    Raises:
        LocalqwqError: the vocabulary is damaged or does not match the model.
    """
    if size > MAX_TOKENS:
        raise LocalqwqError(
            f"{path} cannot belong to this model: its config.json says that there are {size:,} "
            f"tokens, and no tokenizer has more than {MAX_TOKENS:,}."
        )
    placed: dict[int, tuple[str, TokenType]] = {}
    for token, index in vocab.items():
        _place(path, placed, token, index, TokenType.NORMAL, size)
    _check_numbering(path, added, vocab)
    for entry in added:
        control = entry.special or _looks_special(entry.content)
        kind = TokenType.CONTROL if control else TokenType.USER_DEFINED
        _place(path, placed, entry.content, entry.id, kind, size)
    return _padded(path, placed, size)


def _place(
    path: Path,
    placed: dict[int, tuple[str, TokenType]],
    token: str,
    index: Any,
    kind: TokenType,
    size: int,
) -> None:
    if type(index) is not int or not 0 <= index < size:
        raise LocalqwqError(
            f"{path} gives the token {ascii(token)[:60]} the id {ascii(index)[:40]}, and the "
            f"model's config.json says that there are {size:,} tokens: the files do not match."
        )
    if placed.get(index, (token, kind))[0] != token:
        raise LocalqwqError(f"{path} has two tokens of the id {index}: download it again.")
    placed[index] = (token, kind)


def _padded(
    path: Path, placed: Mapping[int, tuple[str, TokenType]], size: int
) -> tuple[list[str], list[TokenType]]:
    spellings = {token for token, _ in placed.values()}
    if len(spellings) < len(placed):
        raise LocalqwqError(f"{path} has one token under two ids: download it again.")
    if "" in spellings:
        raise LocalqwqError(f"{path} has an empty token, which llama.cpp cannot hold.")
    check_text(path, spellings)
    tokens, types = [], []
    for index in range(size):
        token, kind = placed.get(index) or (f"[PAD{index}]", TokenType.UNUSED)
        while kind is TokenType.UNUSED and token in spellings:
            token = f"[{token}]"
        tokens.append(token)
        types.append(kind)
    return tokens, types


def check_text(path: Path, texts: Iterable[str]) -> None:
    """Reject text that a GGUF cannot pass to llama.cpp: a zero byte, or half a surrogate pair."""
    for text in texts:
        if _NO_TEXT.search(text):
            raise LocalqwqError(f"{path} has text that is not UTF-8: {ascii(text)[:60]}.")


def _looks_special(token: str) -> bool:
    """Return whether llama.cpp's converter treats an added token as a control token.

    ``does_token_look_special`` in its ``conversion/base.py``, for the families converted here.
    """
    return (
        (token.startswith("<|") and token.endswith("|>"))
        or (token.startswith("<｜") and token.endswith("｜>"))
        or (token.startswith("<unused") and token.endswith(">"))
        or token in ("<pad>", "<mask>")
    )


def read_merges(path: Path, model: Mapping[str, Any]) -> list[str]:
    """Return the merges as ``left right``, whichever of their two forms the file has.

    Raises:
        LocalqwqError: they are damaged, or of tokens that the vocabulary lacks.
    """
    merges, vocab = model.get("merges"), model["vocab"]
    if not isinstance(merges, list) or not merges:
        raise LocalqwqError(f"{path} has no merges, so it is not BPE: download it again.")
    spelled = []
    for merge in merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not _is_pair(pair) or not all(part in vocab for part in (*pair, pair[0] + pair[1])):
            raise LocalqwqError(
                f"{path} has damaged merges, such as {ascii(merge)[:60]}: download it again."
            )
        # A space inside a part is written as its byte-level letter, as llama.cpp reads it.
        spelled.append(" ".join(part.replace(" ", "\u0120") for part in pair))
    if len(set(spelled)) < len(spelled):
        raise LocalqwqError(f"{path} has damaged merges, one of them twice: download it again.")
    return spelled


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(part, str) and part for part in pair)
    )
