"""``GET /health``: whether requests are answered at once."""

from starlette.responses import Response

from localqwq.server.http.replies import json_response
from localqwq.server.pool.pool import Pool

_LONGEST_DELAY = 60
"""Maximum seconds that clients are told to wait."""


def health_of(pool: Pool) -> Response:
    """Return 503 with the progress while the only model is loaded; else 200, with the models that
    are being loaded, if any.
    """
    loading = {held.name: held for held in pool.known if held.state == "loading"}
    if loading and pool.has_one:
        (held,) = loading.values()
        return loading_health(held.progress, held.loading_s)
    told = {name: round(held.progress, 2) for name, held in loading.items()}
    return json_response({"status": "ok"} | ({"loading": told} if told else {}))


def loading_health(progress: float, seconds: float) -> Response:
    """Return the response while a model is loaded, which began ``seconds`` ago."""
    response = json_response({"status": "loading", "progress": round(progress, 2)}, 503)
    response.headers["Retry-After"] = str(seconds_left(progress, seconds))
    return response


def seconds_left(progress: float, seconds: float) -> int:
    """Return the seconds left at the speed so far, rounded up; one second if unknown."""
    if progress == 0.0:
        return 1
    return min(_LONGEST_DELAY, 1 + int(seconds * (1 - progress) / progress))
