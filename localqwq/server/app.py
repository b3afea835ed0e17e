"""The routes."""

import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from localqwq.gguf.sampling import Sampling
from localqwq.server.completions import ChatCompletions
from localqwq.server.errors import InvalidRequestError
from localqwq.server.guard import Guard
from localqwq.server.replies import error_response, json_response
from localqwq.server.thoughts import RunningThoughts
from localqwq.server.worker import Worker


def create_app(
    worker: Worker, *, name: str, sampling: Sampling, api_key: str | None, loopback: bool
) -> ASGIApp:
    """The application that serves one model.

    ``name`` is the model's id and ``sampling`` its defaults. ``loopback``: it listens on this
    computer's own addresses only.
    """
    thoughts = RunningThoughts()
    model = {"id": name, "object": "model", "created": int(time.time()), "owned_by": "localqwq"}

    async def models(_: Request) -> Response:
        return json_response({"object": "list", "data": [model]})

    async def health(_: Request) -> Response:
        return json_response({"status": "ok"})

    app = Starlette(
        routes=[
            Route(
                "/v1/chat/completions",
                ChatCompletions(worker, name, sampling, thoughts),
                methods=["POST"],
            ),
            Route("/v1/chat/completions/{id}/answer", thoughts.answer, methods=["POST"]),
            Route("/v1/chat/completions/{id}/budget", thoughts.budget, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
        ],
        exception_handlers={HTTPException: _http_error},
    )
    return Guard(app, api_key=api_key, loopback=loopback)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {
        404: f"There is no {request.url.path} here.",
        405: f"{request.url.path} does not take {request.method}.",
    }
    message = sentences.get(error.status_code, error.detail)
    response = error_response(InvalidRequestError(message), error.status_code)
    response.headers.update(error.headers or {})
    return response
