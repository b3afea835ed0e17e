"""Which model makes the embeddings that a request asks for."""

from localqwq.gguf.facts import ModelFacts
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.pool import Pool

_CODE = "embeddings_not_supported"


class EmbeddingModels:
    """Those of a pool's models whose files say that they make embeddings."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, wanted: str | None) -> HeldModel:
        """Return the model that a request names, or else the first that makes embeddings.

        Raises ``InvalidRequestError`` if there is none, or it names one that answers conversations.
        """
        held = await self._pool.find(wanted)
        if held.facts is not None and held.facts.pooling is not None:
            return held
        known = await self._facts()
        embedding = [name for name, facts in known.items() if facts.pooling is not None]
        if held.name in embedding:
            return held
        if embedding and not await self._is_named(wanted):
            return self._pool.held(embedding[0])
        raise InvalidRequestError(_refusal(held.name, embedding), "model", _CODE, 404)

    async def _facts(self) -> dict[str, ModelFacts]:
        listings = await self._pool.listings()
        return {
            one.listed.name: one.listed.facts for one in listings if one.listed.facts is not None
        }

    async def _is_named(self, wanted: str | None) -> bool:
        try:
            await self._pool.named(wanted or "")
        except InvalidRequestError:
            return False
        return True


def _refusal(name: str, embedding: list[str]) -> str:
    remedy = (
        f"name one that does: {', '.join(embedding)}."
        if embedding
        else "get one that does, such as Qwen3-Embedding (`localqwq pull "
        "hf:Qwen/Qwen3-Embedding-0.6B-GGUF`), and name it."
    )
    return f"{name} answers conversations and makes no embeddings: {remedy}"
