"""Tensor names as frameworks store them, mapped to those of Transformers.

``torch.compile``, data parallelism, FSDP, PEFT and multimodal models all add something before or
inside the names of the same tensors. It is removed here.
"""

from collections.abc import Iterable

from localqwq.errors import LocalqwqError

_WRAPPERS = frozenset(("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
"""Names of modules that training wraps around others, at any depth."""
_OUTER = ("base_model.model.", "module.")
"""Prefixes of all names, possibly repeated."""
_INNER = (
    ("model.language_model.", "model."),
    ("language_model.model.", "model."),
    ("language_model.lm_head.", "lm_head."),
)
"""How the text part of a multimodal model is named, and how a text model is."""
_ADAPTER = (".lora_A.", ".lora_B.", ".lora_embedding_A", ".lora_embedding_B", ".base_layer.")
_LAYER, _HEAD = "layers.", "lm_head."


def canonical_names(stored: Iterable[str]) -> dict[str, str]:
    """Return Transformers' name of each tensor, by its stored name.

    Unknown names are kept, for the architecture's check to reject.

    Raises:
        ValueError: two stored names mean the same tensor.
    """
    names = {name: _unwrapped(name) for name in stored}
    while outer := _outer(names.values()):
        names = {name: found.removeprefix(outer) for name, found in names.items()}
    for prefix, plain in _INNER:
        if any(found.startswith(prefix) for found in names.values()):
            names = {name: _replaced(found, prefix, plain) for name, found in names.items()}
    # A model saved without its head has no prefix at all.
    if any(found.startswith(_LAYER) for found in names.values()):
        names = {
            name: found if found.startswith(_HEAD) else f"model.{found}"
            for name, found in names.items()
        }
    meant: dict[str, str] = {}
    for name, found in names.items():
        if found in meant:
            raise ValueError(f"{ascii(meant[found])[:80]} and {ascii(name)[:80]}")
        meant[found] = name
    return names


def check_merged(stored: Iterable[str], what: str) -> None:
    """Check that no tensor belongs to an adapter saved inside the model.

    Raises:
        LocalqwqError: one does; the sentence says how to merge.
    """
    for name in stored:
        if any(mark in name for mark in _ADAPTER):
            raise LocalqwqError(
                f"{what} holds an adapter that is not merged into the weights (its tensor "
                f"{ascii(name)[:80]}): save it again after `model.merge_and_unload()` in PEFT, or "
                "save the adapter by itself and convert that with --merge BASE."
            )


def _unwrapped(name: str) -> str:
    parts = name.split(".")
    return ".".join(part for part in parts if part not in _WRAPPERS)


def _outer(names: Iterable[str]) -> str | None:
    """Return a meaningless prefix shared by all names."""
    found = list(names)
    for prefix in _OUTER:
        if found and all(name.startswith(prefix) for name in found):
            return prefix
    # Some trainers keep the whole model in a field, and Transformers' own names begin like that.
    if any(name.startswith("model.model.") for name in found) and all(
        name.startswith("model.") for name in found
    ):
        return "model."
    return None


def _replaced(name: str, prefix: str, plain: str) -> str:
    return plain + name.removeprefix(prefix) if name.startswith(prefix) else name
