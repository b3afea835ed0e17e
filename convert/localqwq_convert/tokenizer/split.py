"""How a ``tokenizer.json`` splits text before BPE, and llama.cpp's name for it.

llama.cpp has these splits built in under names (``llama_vocab::impl::load`` in its
``src/llama-vocab.cpp``). A name stands for a pattern *and* for whether a piece that is a token is
taken whole, so both must match. Text that is split differently would silently be tokenized wrongly,
so anything unknown is rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError

_HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

QWEN2_PATTERN = _HEAD + r"\p{N}" + _TAIL
"""Single digits: Qwen2, Qwen2.5, QwQ, Qwen3 and DeepSeek-R1-Distill-Qwen."""
LLAMA3_PATTERN = _HEAD + r"\p{N}{1,3}" + _TAIL
"""Up to three digits: Llama 3 and DeepSeek-R1-Distill-Llama."""


@dataclass(frozen=True, slots=True)
class PreTokenizer:
    """A way of splitting text that llama.cpp knows."""

    name: str
    """Its name if no token is added before the text."""
    name_with_bos: str
    """Its name if one is: the check text of llama.cpp's converter distinguishes the two."""
    ignore_merges: bool
    """Whether a piece that is a token is taken whole, regardless of the merges."""
    adds_bos: bool
    """Whether llama.cpp adds a token before every text if a GGUF does not say."""


PRE_TOKENIZERS = {
    QWEN2_PATTERN: PreTokenizer("qwen2", "deepseek-r1-qwen", False, False),
    LLAMA3_PATTERN: PreTokenizer("llama-bpe", "llama-bpe", True, True),
}
"""Pre-tokenizers by the pattern of their ``Split``."""


def read_pre_tokenizer(path: Path, document: Mapping[str, Any]) -> PreTokenizer:
    """Return how the tokenizer in ``document``, which ``path`` names in errors, splits text.

    Raises:
        LocalqwqError: llama.cpp has no name for it.
    """
    _check_normalizer(path, document.get("normalizer"))
    pre_tokenizer = _known_split(steps(document.get("pre_tokenizer"), "pretokenizers"))
    if pre_tokenizer is None:
        names = (f"{name.name} ({pattern})" for pattern, name in PRE_TOKENIZERS.items())
        raise LocalqwqError(
            f"{path} splits text in a way that is not known: the pre-tokenizers that can be "
            f"converted are {' and '.join(names)}, each as a Split that is followed by ByteLevel."
        )
    model = document.get("model")
    ignores = isinstance(model, dict) and model.get("ignore_merges") is True
    if ignores is not pre_tokenizer.ignore_merges:
        raise LocalqwqError(
            f"{path} has its ignore_merges {'on' if ignores else 'off'}, which llama.cpp always "
            f"has {'off' if ignores else 'on'} for {pre_tokenizer.name}: take the tokenizer.json "
            "of the model that this one was made from, or set it there."
        )
    return pre_tokenizer


def steps(step: Any, key: str) -> list[Any]:
    """Return the parts of a normalizer, pre-tokenizer or post-processor, sequences flattened.

    Args:
        step: its JSON; ``None`` has no parts.
        key: the name of lists of parts in it.
    """
    waiting, parts = [step] if step is not None else [], []
    while waiting:
        step = waiting.pop()
        match step:
            case {"type": "Sequence"} if isinstance(step.get(key), list):
                waiting.extend(reversed(step[key]))
            case _:
                parts.append(step)
    return parts


def _known_split(parts: list[Any]) -> PreTokenizer | None:
    match parts:
        case [
            {"type": "Split", "pattern": {"Regex": str(pattern)}, **how},
            {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
        ]:
            # The patterns match every character, so keeping the matches is the same as isolating.
            kept = (how.get("behavior"), how.get("invert", False))
            if kept in (("Isolated", False), ("Removed", True)):
                return PRE_TOKENIZERS.get(pattern.replace("\r", r"\r").replace("\n", r"\n"))
    return None


def _check_normalizer(path: Path, normalizer: Any) -> None:
    # NFC is accepted: nearly all text is in that form already, and llama.cpp takes it as it is.
    for step in steps(normalizer, "normalizers"):
        kind = step.get("type") if isinstance(step, dict) else step
        if kind != "NFC":
            raise LocalqwqError(
                f"{path} rewrites text by a normalizer {ascii(kind)[:60]}, which llama.cpp does "
                "not have for byte-level BPE: this tokenizer cannot be converted."
            )
