"""The address of a server that answers."""

import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from localqwq.errors import LocalqwqError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server: the local child, or any other."""

    url: str
    """Base URL without the ``/v1``, such as ``http://127.0.0.1:8080``."""
    uds: str | None = None
    """Path of the Unix socket to connect to instead of the URL's host."""
    api_key: str | None = field(default=None, repr=False)
    """Key sent as a bearer token."""
    api: str = "/v1"
    """Path between the base URL and OpenAI's paths, such as ``/chat/completions``."""
    opens_thought: bool | None = None
    """Whether answers begin inside the thought, without its opening tag; ``None`` if unknown."""

    @classmethod
    def parse(cls, address: str, api_key: str | None = None) -> Self:
        """Return the endpoint that a person means: a URL with or without ``/v1``, or ``unix:PATH``.

        An address that names another version, such as ``https://host/v1beta/openai``, is used as it
        is.
        """
        if address.startswith("unix:"):
            return cls("http://localhost", address.removeprefix("unix:"), api_key)
        url = address.rstrip("/").removesuffix("/v1").rstrip("/")
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise LocalqwqError(
                f"{address!r} is not an endpoint: write something like http://127.0.0.1:8080."
            )
        versioned = url == address.rstrip("/") and re.search(r"/v\d", parts.path)
        return cls(url, None, api_key, "" if versioned else "/v1")
