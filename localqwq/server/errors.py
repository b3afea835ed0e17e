"""What is wrong with a request."""


class InvalidRequestError(ValueError):
    """A request that cannot be served; says which field and why."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        """The path of the field, such as ``messages.0.role``."""
        self.code = code
        """OpenAI's name for what is wrong, where it has one."""
