"""The facts about a model that planning, engine and screens need, from its GGUF header."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from localqwq.errors import FileProblem, LocalqwqError, Unsupported
from localqwq.gguf.header import Header, Tensor, read_header
from localqwq.gguf.sampling import Sampling
from localqwq.gguf.split import joined_header
from localqwq.gguf.types import FILE_TYPE_NAMES, row_bytes

Pooling = Literal["mean", "cls", "last"]
"""What of a text's tokens becomes its embedding: their mean, the first one or the last one."""
ARCHITECTURES = ("qwen2", "llama", "qwen3")
"""Architectures that the engine supports and is tested with."""
MAX_ROPE_FACTOR = 1 << 16
"""Sanity limit; the most extended models have some hundreds."""

_NO_MODELS = {
    "adapter": "a LoRA adapter, not a model: merge it into its model with `localqwq convert "
    "--merge`, or download the merged model",
    "imatrix": "an importance matrix, not a model: use it with `localqwq convert --imatrix`",
    "mmproj": "the image part of a model, and localqwq is for text only: name the model's "
    "other file",
    "projector": "the image part of a model, and localqwq is for text only: name the model's "
    "other file",
    "vocab": "only a vocabulary, not a model: name the model's file",
}
"""For each ``general.type`` that is not a model: what the file is, and what to do instead."""
_POOLINGS: Mapping[int, Pooling] = {1: "mean", 2: "cls", 3: "last"}
"""llama.cpp's numbers; 0 is for models that are no embedding models."""
_RANKING = 4
"""The number of models that say how well a text answers a question."""
_LAYER = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model's facts, from the file's header alone."""

    path: Path
    bytes: int
    """Size of the file, or of all files of a split model."""
    name: str
    architecture: str
    quant: str
    """Quantization, such as ``Q4_K_M``."""
    parameters: int
    context_length: int
    """Context in tokens as the file states it; see ``longest_context``."""
    layers: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int
    key_length: int
    """Length of one head's key."""
    value_length: int
    """Length of one head's value."""
    vocabulary: int
    rope_scaling: str
    """``none``, ``yarn``, ``linear`` …"""
    rope_factor: float
    rope_original_context: int
    """Trained context in tokens, before scaling."""
    sampling: Sampling
    chat_template: str | None = field(repr=False)
    layer_bytes: tuple[int, ...] = field(repr=False)
    """Weight bytes of each layer."""
    output_bytes: int
    """Weight bytes of the final norm and of a separate output matrix, if there is one."""
    input_bytes: int
    """Weight bytes of the token embedding, and of everything outside layers."""
    tied_embeddings: bool
    """Whether the token embedding is also the output matrix; a device with the output gets a
    copy.
    """
    largest_matrix: int = 0
    """Bytes of the largest matrix in a layer."""
    output_matrix: int = 0
    """Bytes of the matrix that computes the logits: of the token embedding if that is it."""
    matrix_bytes: tuple[tuple[tuple[str, int], ...], ...] = field(default=(), repr=False)
    """Type, such as ``Q4_K``, and bytes of the matrices of that type, for each layer and then for
    the output, which has none if it uses the token embedding.
    """
    tool_template: str | None = field(default=None, repr=False)
    """A separate chat template for conversations with tools, if there is one."""
    pooling: Pooling | None = None
    """How the model makes embeddings; None for one that answers."""
    causal: bool = True
    """Whether a token attends only to those before it."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of all tensors, without a copy of a tied embedding."""
        return self.input_bytes + sum(self.layer_bytes) + self.output_bytes

    @property
    def longest_context(self) -> int:
        """Tokens that the model can attend to, including YaRN if its file describes it."""
        if self.rope_scaling != "yarn":
            return self.context_length
        return max(self.context_length, int(self.rope_original_context * self.rope_factor))

    @property
    def bits_per_weight(self) -> float:
        """Bits of tensor data per weight."""
        return round(8 * self.weight_bytes / self.parameters, 4)

    def with_template(self, template: str | None) -> "ModelFacts":
        """Return the facts with this chat template for everything, or with the file's own."""
        if template is None:
            return self
        return replace(self, chat_template=template, tool_template=None)

    def kv_bytes_per_token(self, kv_type: str = "f16") -> int:
        """Return the bytes of KV cache per token over all layers, for the type ``kv_type``.

        Raises:
            LocalqwqError: a head's row is not a whole number of the type's blocks.
        """
        try:
            head = row_bytes(kv_type.upper(), self.key_length)
            head += row_bytes(kv_type.upper(), self.value_length)
        except (KeyError, ValueError) as error:
            raise LocalqwqError(
                f"The KV cache of {self.name} cannot be {kv_type}: use f16."
            ) from error
        return head * self.kv_heads * self.layers


def read_facts(path: Path) -> ModelFacts:
    """Return the facts about the GGUF file at ``path``.

    Raises:
        LocalqwqError: not a readable GGUF, or a model that localqwq cannot run.
    """
    return facts_of_header(path, joined_header(path, read_header(path)))


def facts_of_header(path: Path, header: Header) -> ModelFacts:
    """Return the facts in the header of a whole model; ``path`` is its name in errors.

    Raises:
        LocalqwqError: a model that localqwq cannot run.
    """
    values = _Values(path, header.metadata)
    architecture = supported_architecture(path, header)
    key = architecture + "."
    layers = values.integer(key + "block_count")
    embedding = values.integer(key + "embedding_length")
    heads = values.integer(key + "attention.head_count")
    head_length = embedding // heads
    context_length = values.integer(key + "context_length")
    scaling = values.text(key + "rope.scaling.type", "none")
    tensors = {tensor.name: tensor for tensor in header.tensors}
    layer_bytes = _layer_bytes(path, header.tensors, layers)
    output_bytes = sum(t.bytes for t in header.tensors if t.name.startswith("output"))
    return ModelFacts(
        path=path,
        bytes=header.file_bytes,
        name=values.text("general.name", path.stem),
        architecture=architecture,
        quant=_quantization(header),
        parameters=sum(tensor.elements for tensor in header.tensors),
        context_length=context_length,
        layers=layers,
        embedding=embedding,
        feed_forward=values.integer(key + "feed_forward_length"),
        heads=heads,
        kv_heads=values.integer(key + "attention.head_count_kv", heads),
        key_length=values.integer(key + "attention.key_length", head_length),
        value_length=values.integer(key + "attention.value_length", head_length),
        vocabulary=_vocabulary(path, header, tensors),
        rope_scaling=scaling,
        rope_factor=values.factor(key + "rope.scaling.factor"),
        rope_original_context=values.integer(
            key + "rope.scaling.original_context_length", context_length
        ),
        sampling=values.sampling(),
        chat_template=values.text("tokenizer.chat_template", "") or None,
        layer_bytes=layer_bytes,
        output_bytes=output_bytes,
        input_bytes=sum(t.bytes for t in header.tensors) - output_bytes - sum(layer_bytes),
        tied_embeddings="output.weight" not in tensors,
        largest_matrix=max(t.bytes for t in header.tensors if _LAYER.match(t.name)),
        output_matrix=tensors.get("output.weight", tensors["token_embd.weight"]).bytes,
        matrix_bytes=_matrix_bytes(header.tensors, layers),
        tool_template=values.text("tokenizer.chat_template.tool_use", "") or None,
        pooling=_pooling(path, header.metadata.get(key + "pooling_type")),
        causal=header.metadata.get(key + "attention.causal") is not False,
    )


def supported_architecture(path: Path, header: Header) -> str:
    """Return llama.cpp's name for the architecture, from the header of a model's first file.

    Raises:
        LocalqwqError: it states none, or one that localqwq cannot run.
    """
    kind = header.metadata.get("general.type")
    other = _NO_MODELS.get(kind) if isinstance(kind, str) else None
    if other is not None:
        raise Unsupported(path, f"is {other}.")
    architecture = _Values(path, header.metadata).text("general.architecture")
    if architecture not in ARCHITECTURES:
        raise Unsupported(
            path,
            f"is a model of the architecture {ascii(architecture)[:60]}, and localqwq "
            f"runs {', '.join(ARCHITECTURES)}.",
        )
    return architecture


class _Values:
    """Metadata by key, checked against the documented types."""

    def __init__(self, path: Path, metadata: Mapping[str, Any]) -> None:
        self._path = path
        self._metadata = metadata

    def text(self, key: str, default: str | None = None) -> str:
        value = self._metadata.get(key, default)
        if not isinstance(value, str):
            raise self._problem(key, "text")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._metadata.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 32:
            raise self._problem(key, "a whole number above 0")
        return value

    def number(self, key: str, default: float) -> float:
        value = self._metadata.get(key, default)
        if not isinstance(value, int | float) or not isfinite(value):
            raise self._problem(key, "a finite number")
        return float(value)

    def factor(self, key: str) -> float:
        value = self.number(key, 1.0)
        if not 0 < value <= MAX_ROPE_FACTOR:
            raise self._problem(key, f"a number above 0 and up to {MAX_ROPE_FACTOR:,}")
        return value

    def sampling(self) -> Sampling:
        prefix = "general.sampling."
        values: dict[str, int | float] = {}
        for key, value in self._metadata.items():
            if key.startswith(prefix) and key != prefix + "sequence":
                number = self.number(key, 0.0)
                # F32 has only seven digits: 0.6 instead of 0.6000000238418579.
                values[key] = value if isinstance(value, int) else float(f"{number:.7g}")
        return Sampling.from_metadata(values)

    def _problem(self, key: str, wanted: str) -> LocalqwqError:
        found = ascii(self._metadata[key])[:60] if key in self._metadata else "missing"
        return FileProblem(
            self._path,
            f"is not a model that localqwq can run: its {key} should be {wanted} but is {found}.",
        )


def _pooling(path: Path, number: object) -> Pooling | None:
    if number == _RANKING:
        raise Unsupported(
            path, "ranks texts for a question, and localqwq runs models that answer or embed."
        )
    return _POOLINGS.get(number) if isinstance(number, int) else None


def _layer_bytes(path: Path, tensors: Sequence[Tensor], layers: int) -> tuple[int, ...]:
    totals: Counter[int] = Counter()
    for tensor in tensors:
        if match := _LAYER.match(tensor.name):
            totals[int(match[1])] += tensor.bytes
    # Compare counts first: a hostile layer count must not become a list of that length.
    if len(totals) != layers or set(totals) != set(range(layers)):
        raise FileProblem(
            path,
            f"is damaged: it should have the tensors of {layers} layers but has those of "
            f"{len(totals)}; download or convert it again.",
        )
    return tuple(totals[layer] for layer in range(layers))


def _matrix_bytes(
    tensors: Sequence[Tensor], layers: int
) -> tuple[tuple[tuple[str, int], ...], ...]:
    totals: list[Counter[str]] = [Counter() for _ in range(layers + 1)]
    for tensor in tensors:
        match = _LAYER.match(tensor.name)
        if len(tensor.shape) > 1 and (match or tensor.name == "output.weight"):
            totals[int(match[1]) if match else layers][tensor.type] += tensor.bytes
    return tuple(tuple(sorted(one.items())) for one in totals)


def _quantization(header: Header) -> str:
    """Return the file's stated quantization, or else the type of most of its bytes."""
    file_type = header.metadata.get("general.file_type")
    if isinstance(file_type, int) and file_type in FILE_TYPE_NAMES:
        return FILE_TYPE_NAMES[file_type]
    totals: Counter[str] = Counter()
    for tensor in header.tensors:
        totals[tensor.type] += tensor.bytes
    return totals.most_common(1)[0][0]


def _vocabulary(path: Path, header: Header, tensors: dict[str, Tensor]) -> int:
    embedding = tensors.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise FileProblem(path, "is damaged: it has no token embedding.")
    return header.lengths.get("tokenizer.ggml.tokens", embedding.shape[1])
