"""A GGUF's metadata, with the keys, types and order of llama.cpp's own tools."""

from gguf.constants import GGUFValueType

from localqwq_convert.header import Entry
from localqwq_convert.hub.model_id import ModelId, size_in_name
from localqwq_convert.model import SourceModel
from localqwq_convert.model_card import ModelCard
from localqwq_convert.recipes import file_type, is_block_quantization
from localqwq_convert.rope import Linear, Rope, Yarn
from localqwq_convert.tokenizer.read import Tokenizer

_QUANTIZATION_VERSION = 2
"""Version of ggml's block formats."""

_I32, _U32, _F32 = GGUFValueType.INT32, GGUFValueType.UINT32, GGUFValueType.FLOAT32
_TEXT, _BOOL = GGUFValueType.STRING, GGUFValueType.BOOL

_SPECIAL_KEYS = {"unk": "unknown", "sep": "seperator", "pad": "padding"}
"""Roles whose GGUF key differs from the role; the odd spelling of the second is GGUF's."""


def model_metadata(
    model: SourceModel, quantization: str, quantized_by: str | None = None
) -> list[Entry]:
    """Return the metadata of a file in this quantization, up to the tokenizer.

    Args:
        model: the model to convert.
        quantization: the file's quantization.
        quantized_by: who converts it, if they want to be named.
    """
    named = not is_block_quantization(quantization)
    return [
        Entry("general.architecture", _TEXT, model.architecture.name),
        Entry("general.type", _TEXT, "model"),
        *_sampling(model),
        Entry("general.name", _TEXT, model.name),
        *_texts(("general.quantized_by", quantized_by)),
        Entry("general.size_label", _TEXT, size_label(model.name, model.parameters)),
        *_card(model.card),
        *_hyperparameters(model),
        *([_file_type(quantization)] if named else []),
        *_llama_keys(model),
        *([_VERSION] if named else []),
    ]


def tokenizer_metadata(tokenizer: Tokenizer) -> list[Entry]:
    """Return the keys of the tokenizer."""
    prefix = "tokenizer.ggml."
    entries = [
        Entry(prefix + "model", _TEXT, "gpt2"),
        Entry(prefix + "pre", _TEXT, tokenizer.pre),
        Entry(prefix + "tokens", _TEXT, tokenizer.tokens),
        Entry(prefix + "token_type", _I32, tokenizer.types),
        Entry(prefix + "merges", _TEXT, tokenizer.merges),
    ]
    for role, index in tokenizer.special.items():
        key = f"{prefix}{_SPECIAL_KEYS.get(role, role)}_token_id"
        entries.append(Entry(key, _U32, index))
    for role, value in tokenizer.added.items():
        entries.append(Entry(f"{prefix}add_{role}_token", _BOOL, value))
    named = tokenizer.named_templates
    for name, template in named.items():
        entries.append(Entry(f"tokenizer.chat_template.{name}", _TEXT, template))
    if named:
        entries.append(Entry("tokenizer.chat_templates", _TEXT, list(named)))
    if tokenizer.chat_template is not None:
        entries.append(Entry("tokenizer.chat_template", _TEXT, tokenizer.chat_template))
    return entries


def closing_metadata(quantization: str) -> list[Entry]:
    """Return the keys that llama.cpp's quantizer puts after the tokenizer."""
    return quantization_keys(quantization) if is_block_quantization(quantization) else []


def quantization_keys(quantization: str) -> list[Entry]:
    """Return the two keys that state how a file's tensors are stored."""
    return [_VERSION, _file_type(quantization)]


def size_label(name: str, parameters: int) -> str:
    """Return the size in a model's name, or its parameters in two digits or more: ``3.3M``."""
    named = size_in_name(name, parameters)
    if named:
        return named
    scales = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
    scale, suffix = next((s for s in scales if parameters > s[0]), scales[-1])
    amount = parameters / scale
    digits = len(str(round(amount)).lstrip("0"))
    return f"{amount:.{max(2 - digits, 0)}f}{suffix}"


def _sampling(model: SourceModel) -> list[Entry]:
    return [
        Entry(f"general.sampling.{key}", _I32 if isinstance(value, int) else _F32, value)
        for key, value in model.sampling.items()
    ]


def _card(card: ModelCard) -> list[Entry]:
    entries = _texts(
        ("general.license", card.license),
        ("general.license.name", card.license_name),
        ("general.license.link", card.license_link),
    )
    entries += _models("general.base_model", card.base_models)
    entries += _models("general.dataset", card.datasets)
    if card.tags:
        entries.append(Entry("general.tags", _TEXT, card.tags))
    if card.languages:
        entries.append(Entry("general.languages", _TEXT, card.languages))
    return entries


def _models(prefix: str, models: tuple[ModelId, ...]) -> list[Entry]:
    entries = [Entry(f"{prefix}.count", _U32, len(models))] if models else []
    for index, model in enumerate(models):
        entries += _texts(
            (f"{prefix}.{index}.name", model.name),
            (f"{prefix}.{index}.version", model.version),
            (f"{prefix}.{index}.organization", model.organization),
            (f"{prefix}.{index}.repo_url", model.link),
        )
    return entries


def _hyperparameters(model: SourceModel) -> list[Entry]:
    prefix, dimensions = model.architecture.name + ".", model.dimensions
    entries = [
        Entry(prefix + "block_count", _U32, dimensions.layers),
        Entry(prefix + "context_length", _U32, model.rope.context),
        Entry(prefix + "embedding_length", _U32, dimensions.embedding),
        Entry(prefix + "feed_forward_length", _U32, dimensions.feed_forward),
        Entry(prefix + "attention.head_count", _U32, dimensions.heads),
        Entry(prefix + "attention.head_count_kv", _U32, dimensions.kv_heads),
        *_scaling(prefix + "rope.scaling.", model.rope),
        Entry(prefix + "rope.freq_base", _F32, model.rope.theta),
        Entry(prefix + "attention.layer_norm_rms_epsilon", _F32, model.norm_epsilon),
    ]
    if model.writes_head:
        entries += [
            Entry(prefix + "attention.key_length", _U32, dimensions.head),
            Entry(prefix + "attention.value_length", _U32, dimensions.head),
        ]
    return entries


def _scaling(prefix: str, rope: Rope) -> list[Entry]:
    # Llama 3.1's scaling is a tensor, not metadata.
    if isinstance(rope.scaling, Linear):
        return [
            Entry(prefix + "type", _TEXT, "linear"),
            Entry(prefix + "factor", _F32, rope.scaling.factor),
        ]
    if not isinstance(rope.scaling, Yarn):
        return []
    return [
        Entry(prefix + "type", _TEXT, "yarn"),
        Entry(prefix + "factor", _F32, rope.scaling.factor),
        Entry(prefix + "original_context_length", _U32, rope.scaling.original_context),
        *(Entry(prefix + key, _F32, value) for key, value in rope.scaling.further),
    ]


def _llama_keys(model: SourceModel) -> list[Entry]:
    if not model.architecture.llama_keys:
        return []
    prefix = model.architecture.name + "."
    return [
        Entry(prefix + "vocab_size", _U32, model.dimensions.vocabulary),
        Entry(prefix + "rope.dimension_count", _U32, model.dimensions.head),
    ]


def _texts(*pairs: tuple[str, str | None]) -> list[Entry]:
    return [Entry(key, _TEXT, value) for key, value in pairs if value is not None]


_VERSION = Entry("general.quantization_version", _U32, _QUANTIZATION_VERSION)


def _file_type(quantization: str) -> Entry:
    return Entry("general.file_type", _U32, file_type(quantization))
