"""The parts of a model's name, taken apart as in llama.cpp's converter."""

import re
from dataclasses import dataclass

_HUB = "https://huggingface.co/"
_LINK = re.compile(r"(https?|ssh)://")
_HUB_LINK = re.compile(r"https?://huggingface.co/([^/]+/[^/]+)")
_VERSION = re.compile(r"(v|iter)?\d+([.]\d+)*", re.IGNORECASE)
_TYPE = re.compile(r"i?q\d(_\w)*|b?fp?(16|32)", re.IGNORECASE)
_SIZE = re.compile(
    r"(([A]|\d+[x])?\d+([._]\d+)?[KMBT][\d]?|small|mini|medium|large|x?xl)", re.IGNORECASE
)
_NUMBERED_SIZE = re.compile(r"(\d+(?:[._]\d+)?)([KMBT])", re.IGNORECASE)
_FINETUNE = re.compile(r"chat|instruct|vision|lora", re.IGNORECASE)
_UNTITLED = re.compile(r"v\d+(?:\.\d+)*|\d.*")


@dataclass(frozen=True, slots=True)
class ModelId:
    """A model or dataset named in a model card."""

    name: str | None
    """Its title: ``Qwen2.5 32B``."""
    organization: str | None
    version: str | None
    link: str | None
    """Its address."""


def parse_model_id(text: str) -> ModelId:
    """Return the parts of an id such as ``Qwen/Qwen2.5-32B``, or of a link to one.

    The rules are those of ``Metadata.get_model_id_components`` and ``apply_metadata_heuristic``
    in llama.cpp's ``gguf-py/gguf/metadata.py``.
    """
    if _LINK.match(text):
        on_hub = _HUB_LINK.fullmatch(text)
        if not on_hub:
            return ModelId(None, None, None, text)
        return _parse(on_hub[1], text)
    organization, slash, name = text.partition("/")
    link = f"{_HUB}{organization}/{name}" if slash and _is_name(organization) else None
    return _parse(text, link if " " not in text else None)


def _parse(identifier: str, link: str | None) -> ModelId:
    if " " in identifier:
        # It is a title already.
        return ModelId(_title(identifier), None, None, link)
    organization, slash, name = identifier.partition("/")
    if not slash:
        organization, name = "", identifier
    return ModelId(
        _title(name) or None,
        (_title(organization) or None) if _is_name(organization) else None,
        _version(name),
        link,
    )


def _is_name(organization: str) -> bool:
    return bool(organization) and not organization.startswith(".")


def _title(text: str) -> str:
    """Return a name as a title; words without capitals get one."""
    words = text.strip().replace("-", " ").split()
    return " ".join(
        word.title() if word.islower() and not _UNTITLED.fullmatch(word) else word for word in words
    )


def _version(name: str) -> str | None:
    """Return the version in a name, unless it is part of the family's name as in
    ``Llama-3.1-8B``.
    """
    parts = [part for part in name.split("-") if part]
    kinds = [_kind(index, part) for index, part in enumerate(parts)]
    if any(
        kind == "size" and any(map(str.isdecimal, part))
        for kind, part in zip(kinds, parts, strict=True)
    ):
        kinds = [
            "" if kind == "size" and part.isalpha() else kind
            for kind, part in zip(kinds, parts, strict=True)
        ]
    family = 0
    while family < len(parts) and (
        kinds[family] == "version" or (not kinds[family] and parts[family][0].isalpha())
    ):
        family += 1
    if family == len(parts):
        # The name ends with its version.
        while family and kinds[family - 1] == "version":
            family -= 1
    found = [
        part
        for index, (kind, part) in enumerate(zip(kinds, parts, strict=True))
        if kind == "version" and index >= family
    ]
    return "-".join(found) or None


def _kind(index: int, part: str) -> str:
    if _VERSION.fullmatch(part):
        return "version"
    if _TYPE.fullmatch(part):
        return "type"
    if index and _SIZE.fullmatch(part):
        return "size"
    if index and _FINETUNE.fullmatch(part):
        return "finetune"
    return ""


def size_in_name(name: str, parameters: int) -> str | None:
    """Return the size in a model's name, such as ``32B``, if it is close to its parameters.

    This keeps context lengths (``-32k``) out; the rule is llama.cpp's.
    """
    sizes: dict[str, None] = {}
    for part in name.split("-")[1:]:
        match = _NUMBERED_SIZE.fullmatch(part)
        if match:
            amount = float(match[1].replace("_", ".")) * 1000.0 ** " KMBT".find(match[2].upper())
            if abs(amount - parameters) <= 7 * parameters // 8:
                sizes[part.replace("_", ".").upper()] = None
    return "-".join(sizes) or None
