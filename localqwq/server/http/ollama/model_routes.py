"""What Ollama's API says of the models."""

import time

from starlette.requests import Request
from starlette.responses import Response

from localqwq.reasoning.template_traits import TemplateTraits
from localqwq.server.http.body import read_json
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.ollama.models import API_VERSION, listed, running, shown
from localqwq.server.http.ollama.schema import OllamaNamed
from localqwq.server.http.replies import json_response
from localqwq.server.pool.pool import Pool


class OllamaModels:
    """``GET /api/tags``, ``/api/ps`` and ``/api/version``, and ``POST /api/show``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def tags(self, _: Request) -> Response:
        """Return the models that can be used."""
        models = [
            listed(facts, one.listed.name)
            for one in await self._pool.listings()
            if (facts := one.listed.facts) is not None
        ]
        return json_response({"models": models})

    async def loaded(self, _: Request) -> Response:
        """Return the models in memory."""
        models = [
            running(facts, held, time.time())
            for held in self._pool.known
            if held.state != "asleep" and (facts := held.facts) is not None
        ]
        return json_response({"models": models})

    async def show(self, request: Request) -> Response:
        """Describe a model, which need not be loaded for that."""
        wanted = (await read_json(OllamaNamed, request.scope, request.receive)).wanted
        try:
            held = await self._pool.named(wanted)
        except InvalidRequestError as error:
            raise InvalidRequestError(str(error), "model", status=404) from None
        launch, engine = held.launch, held.engine
        facts = await self._pool.facts(held)
        if facts is None:
            raise InvalidRequestError(
                f"The file of {held.name} cannot be read.", "model", status=404
            )
        sampling = RequestDefaults.parse(launch.defaults if launch else None).sampling(
            facts.sampling
        )
        longest, traits = facts.longest_context, TemplateTraits()
        if engine is not None:
            longest, traits = engine.longest, engine.served.traits
        return json_response(shown(facts, held.name, sampling, longest, traits))

    async def version(self, _: Request) -> Response:
        """Return the version of Ollama whose API this is."""
        return json_response({"version": API_VERSION})
