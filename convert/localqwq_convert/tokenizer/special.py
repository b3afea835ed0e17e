"""Tokens with a role: start, end and padding of text, and whether they are added.

The rules are those of llama.cpp's converter (``SpecialVocab`` in its ``gguf-py/gguf/vocab.py``);
further ends of text, which it drops, are kept.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.tokenizer.split import steps

_ROLES = ("bos", "eos", "unk", "sep", "pad", "mask")
"""Roles in the order of llama.cpp's converter."""
_ADDABLE = ("bos", "eos", "sep")
"""Roles whose token a tokenizer may add to every text."""

_KNOWN_ENDS = frozenset(
    ("<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>")
) | {"<｜end▁of▁sentence｜>"}
"""Ends of text that llama.cpp knows by their spelling."""


def special_tokens(
    path: Path,
    document: Mapping[str, Any],
    settings: Mapping[str, Any],
    config: Mapping[str, Any],
    generation_config: Mapping[str, Any],
    tokens: list[str],
) -> tuple[dict[str, int], dict[str, bool]]:
    """Return ids by role, and whether a role's token is added to every text.

    The post-processor's tokens take precedence, then ``tokenizer_config.json``, ``config.json`` and
    ``generation_config.json``.

    Args:
        path: names ``tokenizer.json`` in errors.
        document: content of ``tokenizer.json``.
        settings: content of ``tokenizer_config.json``.
        config: content of ``config.json``.
        generation_config: content of ``generation_config.json``.
        tokens: spelling by id.

    Raises:
        LocalqwqError: there is no end of text, or more than a GGUF can name, or tokens are added
            in an unknown way.
    """
    names = _names(settings)
    added = _additions(path, document, names)
    for role in _ADDABLE:
        value = settings.get(f"add_{role}_token")
        if isinstance(value, bool):
            added.setdefault(role, value)
    ids = {token: index for index, token in enumerate(tokens)}
    special = {role: ids[names[role]] for role in (*_ROLES, "eot") if names.get(role) in ids}
    for source in (config, generation_config):
        for role in _ROLES:
            for index in _indices(source, role, len(tokens))[:1]:
                special.setdefault(role, index)
    _check_additions(path, names, ids, special, added)
    _add_further_ends(path, special, (config, generation_config), tokens)
    return special, added


def _check_additions(
    path: Path,
    names: Mapping[str, str],
    ids: Mapping[str, int],
    special: Mapping[str, int],
    added: Mapping[str, bool],
) -> None:
    if "eos" not in special:  # llama.cpp would use token 11 for it
        raise LocalqwqError(
            f"No end of text is known for {path}: name its eos_token in tokenizer_config.json."
        )
    for role in ("bos", "eos"):
        if added.get(role) and (role not in special or (role in names and names[role] not in ids)):
            raise LocalqwqError(
                f"{path} puts a token around every text that its vocabulary lacks: name a "
                f"{role}_token that is in it in tokenizer_config.json."
            )


def _names(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the spelling of each role's token in ``tokenizer_config.json``."""
    names = {}
    for role in (*_ROLES, "cls"):
        token = settings.get(f"{role}_token")
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str) and content:
            names[role] = content
    for role, substitute in (("bos", "cls"), ("eos", "sep")):
        if substitute in names:
            names.setdefault(role, names[substitute])
    return names


def _additions(path: Path, document: Mapping[str, Any], names: dict[str, str]) -> dict[str, bool]:
    """Return what the post-processor adds to text, and update the roles in ``names``."""
    added: dict[str, bool] = {}
    for processor in steps(document.get("post_processor"), "processors"):
        match processor:
            case {"type": "ByteLevel"}:
                added.setdefault("bos", False)
                added.setdefault("eos", False)
            case {"type": "TemplateProcessing", "single": list(single)}:
                _add_around(path, single, names, added)
                if middle := _between(processor.get("pair")):
                    added["sep"] = not added.get("eos") and middle[0] in (
                        names.get("sep"),
                        names.get("eos"),
                    )
            case _:
                raise _unknown_template(path)
    return added


def _add_around(
    path: Path, single: list[Any], names: dict[str, str], added: dict[str, bool]
) -> None:
    """Parse a template such as ``<s> $A </s>``, in which either token may be missing."""
    parts = [_special(part) for part in single]
    if parts.count(None) != 1 or len(parts) > 3:
        raise _unknown_template(path)
    text = parts.index(None)
    if text > 1 or len(parts) - text > 2:
        raise _unknown_template(path)
    first, last = parts[:text], parts[text + 1 :]
    if first and first[0]:
        names["bos"], added["bos"] = first[0], True
    if last and last[0]:
        if names.get("eos", last[0]) != last[0]:
            names.setdefault("eot", names["eos"])
        names["eos"], added["eos"] = last[0], True


def _between(pair: Any) -> list[str]:
    """Return the tokens between the two texts of a template for pairs."""
    parts = [_special(part) for part in pair] if isinstance(pair, list) else []
    texts = [index for index, part in enumerate(parts) if part is None]
    return [part for part in parts[texts[0] + 1 : texts[-1]] if part] if texts else []


def _special(part: Any) -> str | None:
    """Return the token at a position of a template; ``None`` for the text itself."""
    match part:
        case {"SpecialToken": {"id": str(token)}}:
            return token
    return None


def _unknown_template(path: Path) -> LocalqwqError:
    return LocalqwqError(
        f"{path} has a post_processor that llama.cpp cannot follow: it puts at most one token "
        "before and one after a text."
    )


def _indices(source: Mapping[str, Any], role: str, size: int) -> list[int]:
    """Return the valid ids of a role; there may be several ends of text."""
    value = source.get(f"{role}_token_id")
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return [index for index in values if type(index) is int and 0 <= index < size]


def _add_further_ends(
    path: Path, special: dict[str, int], sources: Iterable[Mapping[str, Any]], tokens: list[str]
) -> None:
    """Assign ends of text that llama.cpp would not know to the two other roles that end it."""
    ends = dict.fromkeys(i for source in sources for i in _indices(source, "eos", len(tokens)))
    named = {special[role] for role in ("eos", "eot") if role in special}
    further = [i for i in ends if i not in named and tokens[i] not in _KNOWN_ENDS]
    free = [role for role in ("eot", "eom") if role not in special]
    if len(further) > len(free):
        raise LocalqwqError(
            f"The configuration beside {path} has {len(further)} ends of text more than its "
            f"eos_token, and a GGUF has room for {len(free)}: shorten the eos_token_id there."
        )
    special.update(zip(free, further, strict=False))
