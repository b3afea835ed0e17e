"""Requests for embeddings, which the models that are served here do not make."""

from starlette.requests import Request
from starlette.responses import Response

from localqwq.server.http.errors import InvalidRequestError


async def no_embeddings(_: Request) -> Response:
    """``POST /v1/embeddings``, ``/api/embed`` and ``/api/embeddings``: say what to do instead."""
    raise InvalidRequestError(
        "This server makes no embeddings: its models answer conversations, and similarities of "
        "their inner states mean little. Use a model and a server made for embeddings, such as "
        "llama-server --embedding.",
        "model",
        "embeddings_not_supported",
        status=404,
    )
