"""Where a model answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server: the local child, or any other."""

    url: str
    """Base URL without the ``/v1``, such as ``http://127.0.0.1:8080``."""
    uds: str | None = None
    """Path of the Unix socket to connect to instead of the URL's host."""
    api_key: str | None = None
    """Sent as a bearer token."""
