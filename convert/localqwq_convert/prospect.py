"""What a conversion would make of a bare ``config.json``: a model's facts before any download.

Everything that a plan needs follows from the dimensions: the tensors' shapes from the
architecture's table, their types from the quantization's recipe.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from localqwq.gguf.facts import ModelFacts, facts_of_header
from localqwq.gguf.header import Header, Tensor
from localqwq_convert.architectures import find_architecture
from localqwq_convert.dimensions import Dimensions, read_dimensions
from localqwq_convert.header import OutputTensor, padding
from localqwq_convert.json_file import read_object
from localqwq_convert.known_models import find_known_model
from localqwq_convert.model import gguf_tensors
from localqwq_convert.recipes import Layout, check_quantizations, file_type, tensor_types
from localqwq_convert.rope import Linear, Rope, Yarn, read_rope


class Prospect:
    """A model of which only a ``config.json`` exists.

    Its tensors differ between quantizations only in their types, so they are listed once.
    """

    def __init__(self, config: Mapping[str, Any], path: Path) -> None:
        """Set up; ``path`` is used in errors and as the name of an unknown model.

        Raises:
            LocalqwqError: a model that cannot be converted.
        """
        what = str(path)
        architecture = find_architecture(config, what)
        dimensions = read_dimensions(
            config, what, head=architecture.head, free_heads=architecture.free_heads
        )
        rope = read_rope(config, "yarn", what, frequency_factors=architecture.frequency_factors)
        known = find_known_model(config)
        self._path = path
        self._layout = Layout(
            architecture.name,
            dimensions.layers,
            dimensions.heads,
            dimensions.kv_heads,
            dimensions.tied,
        )
        self._vocabulary = dimensions.vocabulary
        self._metadata = _metadata(architecture.name, dimensions, rope)
        self._metadata["general.name"] = known.name if known else path.resolve().parent.name
        expected, _ = gguf_tensors(architecture, dimensions, rope)
        self._shapes = [(tensor.target, tensor.shape) for tensor in expected]

    @classmethod
    def read(cls, config_file: Path) -> Self:
        """Return the prospect of a file; raises :class:`LocalqwqError` also if it does not
        exist.
        """
        return cls(read_object(config_file), config_file)

    def facts(self, quantization: str) -> ModelFacts:
        """Return the facts of the GGUF in this quantization.

        Raises:
            LocalqwqError: there is no such quantization.
        """
        (quantization,) = check_quantizations([quantization], has_imatrix=True)
        tensors = self._tensors(quantization)
        header = Header(
            version=3,
            metadata=self._metadata | {"general.file_type": file_type(quantization)},
            lengths={"tokenizer.ggml.tokens": self._vocabulary},
            tensors=tensors,
            data_offset=0,
            file_bytes=tensors[-1].offset + tensors[-1].bytes,
        )
        return facts_of_header(self._path, header)

    def _tensors(self, quantization: str) -> tuple[Tensor, ...]:
        types = tensor_types(quantization, self._shapes, self._layout)
        tensors: list[Tensor] = []
        offset = 0
        for (name, shape), kind in zip(self._shapes, types, strict=True):
            size = OutputTensor(name, shape, kind).bytes
            tensors.append(Tensor(name, shape[::-1], kind, offset, size))
            offset += size + padding(size)
        return tuple(tensors)


def _metadata(name: str, dimensions: Dimensions, rope: Rope) -> dict[str, Any]:
    values: dict[str, Any] = {
        "block_count": dimensions.layers,
        "context_length": rope.context,
        "embedding_length": dimensions.embedding,
        "feed_forward_length": dimensions.feed_forward,
        "attention.head_count": dimensions.heads,
        "attention.head_count_kv": dimensions.kv_heads,
        "attention.key_length": dimensions.head,
        "attention.value_length": dimensions.head,
    }
    if isinstance(rope.scaling, Yarn):
        values |= {
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": rope.scaling.factor,
            "rope.scaling.original_context_length": rope.scaling.original_context,
        }
    if isinstance(rope.scaling, Linear):
        values |= {"rope.scaling.type": "linear", "rope.scaling.factor": rope.scaling.factor}
    return {"general.architecture": name} | {
        f"{name}.{key}": value for key, value in values.items()
    }
