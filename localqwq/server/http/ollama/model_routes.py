"""What Ollama's API says of the served model."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from localqwq.gguf.sampling import Sampling
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.body import read_json
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.ollama.models import API_VERSION, listed, running, shown
from localqwq.server.http.ollama.schema import OllamaNamed
from localqwq.server.http.replies import json_response


class OllamaModels:
    """``GET /api/tags``, ``/api/ps`` and ``/api/version``, and ``POST /api/show``."""

    def __init__(
        self,
        engine: RemoteEngine,
        name: str,
        sampling: Sampling,
        is_served: Callable[[str], bool],
    ) -> None:
        """Set up; ``name`` is the model's id, ``is_served`` whether a name means it."""
        self._engine = engine
        self._name = name
        self._sampling = sampling
        self._is_served = is_served

    async def tags(self, _: Request) -> Response:
        """Return the models that can be used."""
        return json_response({"models": [listed(self._engine.served, self._name)]})

    async def loaded(self, _: Request) -> Response:
        """Return the models in memory."""
        state = await self._engine.state()
        return json_response({"models": [running(self._engine.served, state, self._name)]})

    async def show(self, request: Request) -> Response:
        """Describe a model."""
        wanted = (await read_json(OllamaNamed, request.scope, request.receive)).wanted
        if not self._is_served(wanted):
            raise InvalidRequestError(
                f"There is no model {wanted!r} here; {self._name} is served.", "model", status=404
            )
        return json_response(shown(self._engine.served, self._name, self._sampling))

    async def version(self, _: Request) -> Response:
        """Return the version of Ollama whose API this is."""
        return json_response({"version": API_VERSION})
