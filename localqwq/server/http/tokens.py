"""``POST /tokenize`` and ``POST /detokenize``, with llama-server's fields."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.body import read_json
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import Part
from localqwq.server.http.replies import json_response


class TokenizeRequest(Part):
    """The body of ``POST /tokenize``."""

    content: str
    """The text."""
    add_special: bool | None = None
    """Begin with the begin-of-text token, if the model uses one (default: false)."""
    parse_special: bool | None = None
    """Read the names of special tokens as those tokens (default: true) or as text."""
    with_pieces: bool | None = None
    """Return each token's text as well."""


class DetokenizeRequest(Part):
    """The body of ``POST /detokenize``."""

    tokens: list[Annotated[int, Field(ge=0)]]
    """Token ids."""


class Vocabulary:
    """Text and tokens of the engine's model."""

    def __init__(self, engine: RemoteEngine) -> None:
        self._engine = engine

    async def tokenize(self, text: str, *, begin: bool, special: bool) -> list[int]:
        """Return the tokens of a text; raises ``InvalidRequestError`` if it is too long."""
        return await self._engine.tokenize(text, begin=begin, special=special)

    def checked(self, tokens: list[int], param: str) -> list[int]:
        """Return the tokens if all exist; raises ``InvalidRequestError`` otherwise."""
        size = self._engine.served.vocabulary
        for token in tokens:
            if not 0 <= token < size:
                raise InvalidRequestError(
                    f"The token {token} does not exist: this model has the tokens 0 to {size - 1}.",
                    param,
                )
        return tokens

    async def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """Return the text of each existing token as bytes: it may be part of a character."""
        return await self._engine.pieces(tokens)


def joined(pieces: Sequence[bytes]) -> str:
    """Return the text of tokens."""
    return b"".join(pieces).decode("utf-8", "replace")


class TokenRoutes:
    """The two endpoints."""

    def __init__(self, engine: RemoteEngine) -> None:
        self._vocabulary = Vocabulary(engine)

    async def tokenize(self, request: Request) -> Response:
        """``POST /tokenize``."""
        wanted = await read_json(TokenizeRequest, request.scope, request.receive)
        return json_response({"tokens": await self._tokens(wanted)})

    async def detokenize(self, request: Request) -> Response:
        """``POST /detokenize``."""
        wanted = await read_json(DetokenizeRequest, request.scope, request.receive)
        tokens = self._vocabulary.checked(wanted.tokens, "tokens")
        return json_response({"content": joined(await self._vocabulary.pieces(tokens))})

    async def _tokens(self, wanted: TokenizeRequest) -> list[Any]:
        begin, special = wanted.add_special is True, wanted.parse_special is not False
        tokens = await self._vocabulary.tokenize(wanted.content, begin=begin, special=special)
        if not wanted.with_pieces:
            return list(tokens)
        pieces = await self._vocabulary.pieces(tokens)
        return [
            {"id": token, "piece": _shown(piece)}
            for token, piece in zip(tokens, pieces, strict=True)
        ]


def _shown(piece: bytes) -> str | list[int]:
    """Return the text, or the bytes of a partial character."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return list(piece)
