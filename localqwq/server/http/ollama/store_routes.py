"""``DELETE /api/delete`` and ``POST /api/copy``: changes of what is installed."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory
from localqwq.models.in_store import name_in_store
from localqwq.packs.store.store import InstalledModel, Store
from localqwq.server.http.body import read_json
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.guard import Owners
from localqwq.server.http.ollama.schema import OllamaCopy, OllamaNamed


class OllamaStore:
    """The endpoints."""

    def __init__(self, owners: Owners, in_use: Callable[[], Sequence[Path]]) -> None:
        """Set up; ``in_use`` returns the files of the models in memory."""
        self._owners = owners
        self._in_use = in_use

    async def delete(self, request: Request) -> Response:
        """Delete one model."""
        self._owners.check(request.scope)
        wanted = await read_json(OllamaNamed, request.scope, request.receive)
        await asyncio.to_thread(_delete, wanted.wanted, self._in_use())
        return Response()

    async def copy(self, request: Request) -> Response:
        """Install a model under another name as well."""
        self._owners.check(request.scope)
        wanted = await read_json(OllamaCopy, request.scope, request.receive)
        await asyncio.to_thread(_copy, wanted.source, wanted.destination)
        return Response()


def _delete(name: str, in_use: Sequence[Path]) -> None:
    store, model = _found(name)
    if {_place(path) for path in in_use} & {_place(file.path) for file in model.files}:
        raise InvalidRequestError(
            f"{model.spec} is being served: take it out of memory first "
            f"(`localqwq stop {model.spec}`).",
            "model",
            status=409,
        )
    store.remove(model.spec)


def _place(path: Path) -> Path:
    """Return where a name is, whatever it links to: other names of a file may go."""
    return path.parent.resolve() / path.name


def _copy(source: str, destination: str) -> None:
    store, model = _found(source)
    name, _, tag = destination.partition(":")
    if tag.upper() not in ("", "LATEST", model.quant):
        raise InvalidRequestError(
            f"The field 'destination' is invalid: the part behind the colon is the quantization, "
            f"which is {model.quant}.",
            "destination",
        )
    try:
        store.copy(model.spec, name)
    except LocalqwqError as error:
        raise InvalidRequestError(str(error), "destination") from None


def _found(name: str) -> tuple[Store, InstalledModel]:
    """Return the installed model that a name means; raises ``InvalidRequestError``."""
    store = Store(packs_directory())
    try:
        models = store.matching(name_in_store(store, name.removesuffix(":latest")))
    except LocalqwqError as error:
        raise InvalidRequestError(str(error), "model", status=404) from None
    if len(models) > 1:
        several = ", ".join(model.spec for model in models)
        raise InvalidRequestError(
            f"{name[:80]!r} may be {several}: name one of them with its quantization.", "model"
        )
    return store, models[0]
