"""The one exception that people are meant to read."""


class LocalqwqError(Exception):
    """A failure that a person can act on.

    The message is one sentence that names the thing and the way out. The command line prints it
    behind ``error:`` and exits with 1; the app shows it as it is; the server puts it into the
    body of a 4xx or 5xx answer.
    """
