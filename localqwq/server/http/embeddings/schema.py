"""The bodies of requests for embeddings, checked before anything is done with them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from localqwq.server.http.fields import Part
from localqwq.server.http.text_schema import TokenIds, listed_prompts

MAX_TEXTS = 2048
"""Maximum per request; OpenAI's."""

_Text = Annotated[str, Field(min_length=1)]
_Texts = Annotated[
    list[str | list[int]],
    BeforeValidator(
        lambda value: listed_prompts(value, MAX_TEXTS),
        json_schema_input_type=_Text
        | TokenIds
        | Annotated[list[_Text | TokenIds], Field(min_length=1, max_length=MAX_TEXTS)],
    ),
]
_TextList = Annotated[list[str], Field(max_length=MAX_TEXTS)]
_Dimensions = Annotated[int, Field(ge=1)] | None


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _EmbeddingFields(Part):
    """What all of them have in common."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    """The model's name; without one, or for an unknown one, the first that makes embeddings."""
    keep_alive: float | str | None = None
    """How long the model stays in memory afterwards: seconds, or text such as `10m`; 0: not at all,
    -1: for ever.
    """


class EmbeddingsRequest(_EmbeddingFields):
    """The body of ``POST /v1/embeddings``."""

    input: _Texts
    """One text or several, each as text or as a list of token ids."""
    encoding_format: Literal["float", "base64"] | None = None
    """Numbers (the default), or their 32-bit floats in base64."""
    dimensions: _Dimensions = None
    """Return only this many leading numbers of each vector, scaled to length 1 again: for models
    that are trained for it.
    """
    user: str | None = None
    """Accepted and ignored."""


class OllamaEmbed(_EmbeddingFields):
    """The body of ``POST /api/embed``."""

    input: Annotated[
        _TextList, BeforeValidator(_listed, json_schema_input_type=str | _TextList)
    ] = Field(default=[])
    """One text or several. Without any, the answer only says that the model is loaded."""
    truncate: bool | None = None
    """Cut texts that are too long (default: true) instead of refusing them."""
    dimensions: _Dimensions = None
    """Return only this many leading numbers of each vector, scaled to length 1 again."""
    options: dict[str, Any] | None = None
    """Accepted and ignored: the server decides how a model is loaded."""


class OllamaEmbeddings(_EmbeddingFields):
    """The body of ``POST /api/embeddings``, which is older."""

    prompt: str | None = None
    """The text. Without it, the answer only says that the model is loaded."""
    options: dict[str, Any] | None = None
    """Accepted and ignored: the server decides how a model is loaded."""
