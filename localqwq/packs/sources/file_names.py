"""What a repository's file names say: the quantization, the model, and which are not models.

Names come from strangers: nothing here makes a path of them.
"""

import re

from localqwq.gguf.split import parse_part_name

_QUANT = re.compile(
    r"(?:^|[-._/])((?:UD[-_])?(?:I?Q[1-8]|TQ[12])_[0-9A-Z]+(?:_[A-Z0-9]+)*"
    r"|BF16|FP?16|FP?32|MXFP4(?:_MOE)?)(?=$|[-._/])"
)
_VAGUE = re.compile(
    r"(?:^|[-._ ])(?:i?q[1-8]|[2-8]-?bits?|int[48]|imatrix|imat|i1|ud|gguf)(?=$|[-._ ])"
)
"""Words that only distinguish files of one model, or mean nothing; the header states the type."""
_BESIDE = re.compile(
    r"mm-?_?proj|(?:^|[-._ ])(?:projector|draft|drafter|eagle\d?|mtp|medusa|lora|adapter|"
    r"control[-_]?vectors?|vocab)(?:$|[-._ ])"
)
"""Words in the names of files that accompany a model: for pictures, drafts, adapters."""
_IMATRIX = re.compile(r"(?:^|[-._ ])i?mat(?:rix)?(?:$|[-._ ])")


def quant_of(path: str) -> str | None:
    """The quantization that a path names, such as ``Q4_K_M``; the last word that can be one."""
    found = _QUANT.findall(_stem(path).upper())
    if not found:
        return None
    quant = str(found[-1]).replace("-", "_")
    return {"FP16": "F16", "FP32": "F32"}.get(quant, quant)


def model_of(path: str) -> str:
    """Return the part of a path that names the model, the same for all its quantizations."""
    name = _stem(path).rpartition("/")[2].lower()
    part = parse_part_name(f"{name}.gguf")
    name = part[0] if part else name
    previous = ""
    while name != previous:
        previous = name
        name = _VAGUE.sub("", _QUANT.sub("", name.upper()).lower())
    return re.sub(r"[-._ ]+", "-", name).strip("-")


def is_gguf(name: str) -> bool:
    """Return whether a name is that of a GGUF file that is not hidden."""
    return name.lower().endswith(".gguf") and not name.startswith(".")


def is_beside(name: str) -> bool:
    """Return whether a name is that of a file that accompanies a model."""
    return _BESIDE.search(_stem(name).lower()) is not None


def may_be_imatrix(name: str) -> bool:
    """Return whether a file may be an importance matrix; a model made with one may match, too."""
    return _IMATRIX.search(_stem(name).lower()) is not None


def _stem(path: str) -> str:
    return path[: -len(".gguf")] if path.lower().endswith(".gguf") else path
