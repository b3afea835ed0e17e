"""Errors of a request or of the server's current state."""

from localqwq.errors import LocalqwqError


class InvalidRequestError(ValueError):
    """A request that cannot be served; says which field and why."""

    def __init__(
        self,
        message: str,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        tokens: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.param = param
        """The path of the field, such as ``messages.0.role``."""
        self.code = code
        """OpenAI's error code, if it has one."""
        self.status = status
        """Status of the HTTP response, 4xx."""
        self.tokens = tokens
        """For a prompt that does not fit: the tokens that it needs, and those available."""


class BusyError(LocalqwqError):
    """The queue is full."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "The server has as many requests as it can queue; "
            f"try again in {retry_after} second{'s' if retry_after > 1 else ''}."
        )
        self.retry_after = retry_after
        """Seconds until a slot should be free."""


class UnavailableError(LocalqwqError):
    """The server is shutting down, or its engine has ended."""


class EngineLost(UnavailableError):
    """The engine ended in the middle of a request; another one may come."""

    CODE = "engine_lost"
    """The error's code for clients, which tells it from an error of the request."""
